"""The environment class of computing kinds: what besides inputs may change their bytes."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ws_dsl.specs.canonical import Json


class Environment(NamedTuple):
    """Device kind, and major.minor versions of what computes.

    Precision and backend are part of the model's record.

    Attributes:
        device: Such as `cpu`.
        torch: Version.
        transformers: Version.
        peft: Version; it matters to what is trained alone.
    """

    device: str
    torch: str
    transformers: str
    peft: str = "absent"

    def record(self) -> dict[str, Json]:
        """As it enters keys and manifests of what runs a model."""
        return {"device": self.device, "torch": self.torch, "transformers": self.transformers}

    def training(self) -> dict[str, Json]:
        """As it enters keys and manifests of what is trained."""
        return {**self.record(), "peft": self.peft}


def current(device: str = "cpu") -> Environment:
    """The environment of this process; nothing heavy is imported to find it."""
    return Environment(device.split(":")[0], _minor("torch"), _minor("transformers"), _minor("peft"))


@cache
def _minor(package: str) -> str:
    """Major and minor version of an installed package by the name of its metadata folder, first on the path.

    `importlib.metadata` reads the same names, and takes longer to import than a warm study to check.
    """
    for folder in sys.path:
        for found in Path(folder or ".").glob(f"{package}-*.dist-info"):
            return ".".join(found.name.removesuffix(".dist-info").split("-")[1].split(".")[:2])
    return "absent"
