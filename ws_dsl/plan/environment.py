"""The environment class of computing kinds: what besides inputs may change their bytes."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from ws_dsl.specs.canonical import Json


class Environment(NamedTuple):
    """Device kind, backend, and major.minor versions of what computes.

    The precision is part of the model's record.
    """

    device: str
    backend: str
    torch: str
    transformers: str

    def record(self) -> dict[str, Json]:
        """As it enters keys and manifests."""
        return dict(self._asdict())


def current(device: str = "cpu", backend: str = "hugging_face") -> Environment:
    """The environment of this process; nothing heavy is imported to find it."""
    return Environment(device.split(":")[0], backend, _minor("torch"), _minor("transformers"))


def _minor(package: str) -> str:
    try:
        return ".".join(version(package).split(".")[:2])
    except PackageNotFoundError:
        return "absent"
