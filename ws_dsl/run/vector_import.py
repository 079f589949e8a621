"""Vectors that come from a file: artifacts of a kind of their own, with the file they are of."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ws_dsl import __version__
from ws_dsl.artifacts.vector_files import Foreign, format_of, read
from ws_dsl.artifacts.vectors import Vectors
from ws_dsl.errors import WsDslError
from ws_dsl.plan.keys import key_of
from ws_dsl.registry.manifest import Draft, Manifest
from ws_dsl.registry.store import Store
from ws_dsl.registry.vectors import VectorSet, vector_set
from ws_dsl.run.context import Library
from ws_dsl.run.delta_export import shipped
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.checkpoint import Shape, hub_folder, shape_of
from ws_dsl.specs.kinds import names
from ws_dsl.specs.site import Site

KIND = "imported_vectors"
VERSION = 1

_CONFIGURATION = "config.json"


class Told(NamedTuple):
    """What the user tells of a file, for where it is silent.

    Attributes:
        model: Digest of the model.
        site: Address of the place.
        at: Position in the row, as text.
        mean_norm: Mean norm of activations at the place.
        method: How the vectors were made.
    """

    model: str | None
    site: str | None
    at: str | None
    mean_norm: float | None
    method: str


def import_vectors(store: Store, file: Path, told: Told) -> list[VectorSet]:
    """Stores the vectors of a file, and the file; tags them, so that they stay though no study has them.

    Raises:
        DataError: the file holds no vectors.
        WsDslError: neither the file nor the user tells all that has to be known, or the model has no such
            place of that width, where its sizes are known.
        RegistryError: the store cannot be written.
    """
    begun = time.monotonic()
    found = [_whole(one, told) if isinstance(one, Foreign) else one for one in read(file, format_of(file))]
    for model in {one.model for one in found}:
        sizes = _shape(store, model)
        if sizes is not None:
            _fit([one for one in found if one.model == model], sizes)
    digest = store.import_file(file)
    manifests = store.commit([_draft(one, digest, file.name, begun) for one in found])
    for manifest in manifests:
        store.tag(f"vectors-{manifest.key[:12]}", manifest.key)
    return [vector_set(manifest) for manifest in manifests]


def _draft(vectors: Vectors, file: str, name: str, begun: float) -> Draft:
    artifact = vectors.to_artifact()
    params: dict[str, Json] = {
        "file": file,
        "site": vectors.site,
        "at": vectors.at,
        "model": vectors.model,
        "method": vectors.method,
        "mean_norm": vectors.mean_norm,
    }
    derivation = {
        "kind": KIND,
        "version": VERSION,
        "params": params,
        "inputs": {},
        "made": {},
        "environment": {},
    }
    return Draft(
        key=key_of(derivation),
        kind=KIND,
        version=VERSION,
        params=params,
        inputs={},
        environment={},
        made={},
        artifact=artifact,
        seconds=time.monotonic() - begun,
        tools={"ws-dsl": __version__},
        notes=[f"imported from {name}"],
    )


def _whole(found: Foreign, told: Told) -> Vectors:
    """Vectors with what the user tells of them.

    Raises:
        WsDslError: something is not told, or cannot be.
    """
    site = found.site or told.site
    needed = {"--model": told.model, "--site": site, "--at": told.at, "--mean-norm": told.mean_norm}
    silent = [option for option, value in needed.items() if value is None]
    if silent:
        raise WsDslError(f"the file does not tell all of its vectors; say it with {', '.join(silent)}")
    assert told.model is not None and site is not None and told.at is not None and told.mean_norm is not None
    if not (math.isfinite(told.mean_norm) and told.mean_norm > 0):
        raise WsDslError(f"--mean-norm {told.mean_norm}: a norm is a number above 0")
    return found.at(site, _position(told.at), told.model, told.method, told.mean_norm)


def _fit(vectors: Sequence[Vectors], sizes: Shape) -> None:
    """Refuses vectors that lie nowhere in a model of these sizes.

    Raises:
        ModelError: there is no such site.
        WsDslError: the site is of another width.
    """
    for one in vectors:
        width = Site.parse(one.site).within(sizes).width(sizes)
        if one.width != width:
            raise WsDslError(
                f"the vectors are {one.width} wide, and {one.site} of this model has a width of {width}: "
                f"they are of another model, or of another place"
            )


def _shape(store: Store, model: str) -> Shape | None:
    """Sizes of a model whose configuration is in the store, with ws-dsl or in the Hub's cache; else None."""
    key = next((entry.key for entry in store.catalogue.artifacts() if entry.digest == model), None)
    digest = None if key is None else Library(store).open(key, model).files.get(_CONFIGURATION)
    if key is None or digest is None:
        return None
    files = _configurations(store, digest, store.require(key))
    file = next((one for one in files if one.is_file() and store.hash_file(one) == digest), None)
    return None if file is None else shape_of(json.loads(file.read_text(encoding="utf-8")))


def _configurations(store: Store, digest: str, model: Manifest) -> Iterator[Path]:
    """Where the configuration with this digest may lie."""
    yield store.layout.object(digest)
    if "revision" in model.facts:
        yield hub_folder(str(model.facts["title"]), str(model.facts["revision"])) / _CONFIGURATION
    folder = shipped(model) if model.kind in names() else None
    if folder is not None:
        yield folder / _CONFIGURATION


def _position(text: str) -> Json:
    """A position as studies write it where they take states.

    Raises:
        WsDslError: it is none.
    """
    if text == "reply_mean":
        return text
    from pydantic import ValidationError

    from ws_dsl.specs.position import read, write

    written: object = text
    with suppress(ValueError):
        written = json.loads(text)
    try:
        return write(read(written))
    except ValidationError:
        raise WsDslError(f"--at {text}: a position is a role such as last, or an index such as -1") from None
