"""The manifest's shape at rest, and its seal."""

from __future__ import annotations

import hashlib
import json

import pytest

from ws_dsl.errors import DamagedError, RegistryError
from ws_dsl.registry import FileRecord, Manifest, artifact_digest
from ws_dsl.specs.canonical import canonical

GOLDEN = """\
{
  "schema": 1,
  "key": "60f8b3e6a7a2ba1ac2ab9f9c7a9e5d4bd0a1ddfba3ba1d1e1dc0f5bd86a3f5ab",
  "kind": "clamp",
  "version": 2,
  "digest": "DIGEST",
  "files": {
    "a.json": {
      "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      "bytes": 2
    },
    "table.arrow": {
      "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "bytes": 0
    }
  },
  "params": {
    "at": "last",
    "value": 0.5
  },
  "inputs": {
    "source": [
      {
        "digest": "DD",
        "key": "KK",
        "pooled": [
          1,
          0
        ],
        "column": "pmass"
      }
    ],
    "mask": []
  },
  "environment": {
    "torch": "2.13"
  },
  "made": {
    "split": "search"
  },
  "facts": {
    "rows": 50,
    "title": "Größe"
  },
  "created": "2026-01-02T03:04:05.000006+00:00",
  "seconds": 1.5,
  "tools": {
    "ws-dsl": "0.1.0"
  },
  "notes": [
    "memory back-off"
  ],
  "seal": "SEAL"
}
"""


def golden() -> str:
    """The golden text with its two digests worked out by hashlib alone."""
    files = json.loads(GOLDEN)["files"]
    plain = json.dumps(files, sort_keys=True, separators=(",", ":")).encode()
    text = GOLDEN.replace("DIGEST", hashlib.sha256(plain).hexdigest())
    body = text[: text.index(',\n  "seal"')]
    return text.replace("SEAL", hashlib.sha256(body.encode()).hexdigest())


def test_shape_at_rest():
    manifest = Manifest.from_json(golden())
    assert manifest.files["a.json"] == FileRecord(hashlib.sha256(b"{}").hexdigest(), 2)
    assert manifest.inputs["source"][0].pooled == (1, 0)
    assert manifest.digest == artifact_digest(manifest.files)
    assert manifest.bytes == 2
    assert manifest.to_json() == golden()


def test_is_ordinary_json():
    assert json.loads(golden())["facts"]["title"] == "Größe"


def test_every_flipped_bit_is_found():
    data = golden().encode()
    for place in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises((DamagedError, UnicodeDecodeError)):
            Manifest.from_json(damaged.decode())


def test_every_truncation_is_found():
    text = golden()
    for length in range(len(text)):
        with pytest.raises(DamagedError):
            Manifest.from_json(text[:length])


def test_another_schema_is_refused_rather_than_guessed():
    body = golden().replace('"schema": 1', '"schema": 2')
    body = body[: body.index(',\n  "seal"')]
    seal = hashlib.sha256(body.encode()).hexdigest()
    with pytest.raises(RegistryError, match="schema 2"):
        Manifest.from_json(f'{body},\n  "seal": "{seal}"\n}}\n')


def test_digest_is_of_names_and_bytes_whatever_their_order():
    one, two = FileRecord("a" * 64, 1), FileRecord("b" * 64, 2)
    assert artifact_digest({"x": one, "y": two}) == artifact_digest({"y": two, "x": one})
    assert artifact_digest({"x": one, "y": two}) != artifact_digest({"x": two, "y": one})
    expected = canonical({"x": {"sha256": "a" * 64, "bytes": 1}})
    assert artifact_digest({"x": one}) == hashlib.sha256(expected).hexdigest()
