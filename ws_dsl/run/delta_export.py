"""Deltas of the store as folders for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.errors import WsDslError
from ws_dsl.registry.manifest import InputRecord, Manifest
from ws_dsl.registry.store import Store
from ws_dsl.run.context import Library

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.delta import Delta
    from ws_dsl.models.low_rank import LowRank

DELTA_FILE = "delta.json"


def export_low_rank(
    store: Store, manifest: Manifest, rank: int, out: Path, checkpoint: Path | None
) -> LowRank:
    """Writes a delta as the PEFT folder of a LoRA.

    Args:
        store: The store.
        manifest: Of the delta.
        rank: Of the LoRA.
        out: The folder.
        checkpoint: The model's folder, for changes that rest on its weights.

    Raises:
        WsDslError: such a folder is needed and not given, or it is another model's.
    """
    from ws_dsl.models.low_rank import low_rank

    delta: Delta = Library(store).open(manifest.key, manifest.digest)
    found = low_rank(delta.parts, rank, _Weights(store, manifest, checkpoint))
    _write(out, found.files)
    return found


class Recipe(NamedTuple):
    """What mergekit is given.

    Attributes:
        path: The recipe.
        adapters: Folders of adapters with their weights.
        low_rank: What was cut off, where the delta is no difference of two adapters.
    """

    path: Path
    adapters: dict[Path, float]
    low_rank: LowRank | None


def export_mergekit(
    store: Store, manifest: Manifest, coeff: float, rank: int, out: Path, checkpoint: Path | None
) -> Recipe:
    """Writes a recipe of task arithmetic, base + coeff × dW, and the adapters that it adds.

    The two adapters of a `weight_diff` are written as they were trained; any other delta as a LoRA.

    Args:
        store: The store.
        manifest: Of the delta.
        coeff: How often it is added.
        rank: Of the LoRA.
        out: The folder.
        checkpoint: The model's folder; found by itself for the embedded model.

    Raises:
        WsDslError: the folder is needed and not given, or it is another model's.
    """
    base = model_folder(store, _model(manifest), checkpoint)
    low_rank: LowRank | None = None
    if manifest.kind == "weight_diff":
        adapters = {out / "plus": coeff, out / "minus": -coeff}
        for folder in adapters:
            ((one),) = manifest.inputs[folder.name]
            _write(folder, Library(store).open(one.key, one.digest).files)
    else:
        adapters = {out / "delta": coeff}
        low_rank = export_low_rank(store, manifest, rank, out / "delta", checkpoint)
    path = out / "recipe.yaml"
    path.write_text(_recipe(base, adapters), encoding="utf-8")
    return Recipe(path, adapters, low_rank)


def model_folder(store: Store, model: InputRecord, given: Path | None) -> Path:
    """The checkpoint folder of a model, its files verified against the record.

    Raises:
        WsDslError: it is not given and cannot be found, or a file is another one.
    """
    folder = given or shipped(store.require(model.key))
    if folder is None:
        raise WsDslError("name the model's checkpoint folder with --model: the change rests on its weights")
    for name, digest in Library(store).open(model.key, model.digest).files.items():
        if not (folder / name).is_file() or store.hash_file(folder / name) != digest:
            raise WsDslError(f"{folder} is another model than the delta's: {name} is not the same")
    return folder.resolve()


class _Weights:
    """Matrices of the model, which is loaded when the first is asked for."""

    def __init__(self, store: Store, manifest: Manifest, checkpoint: Path | None):
        self._store = store
        self._manifest = manifest
        self._checkpoint = checkpoint
        self._handle: Any = None

    def __call__(self, address: str) -> np.ndarray:
        from ws_dsl.models.deltas import weight
        from ws_dsl.models.handle import load

        if self._handle is None:
            model = _model(self._manifest)
            folder = model_folder(self._store, model, self._checkpoint)
            self._handle = load(folder, Library(self._store).open(model.key, model.digest).dtype)
        return weight(self._handle, address)


def _model(manifest: Manifest) -> InputRecord:
    (model,) = manifest.inputs["model"]
    return model


def shipped(model: Manifest) -> Path | None:
    """The folder of a model that comes with ws-dsl; None of another."""
    from pydantic import ValidationError

    from ws_dsl.specs.kinds import find

    kind = find(model.kind).spec
    fields = {name: value for name, value in model.params.items() if name in kind.model_fields}
    try:
        folders = kind.external(kind.model_validate(fields))
    except ValidationError:  # its folder is named by the study, and is not in the key
        return None
    return next(map(Path, folders.values()), None)


def _recipe(base: Path, adapters: dict[Path, float]) -> str:
    models = [
        f"  - model: {base}+{folder.resolve()}\n    parameters: {{weight: {weight}}}\n"
        for folder, weight in adapters.items()
    ]
    return (
        f"merge_method: task_arithmetic\nbase_model: {base}\nmodels:\n{''.join(models)}"
        f"parameters: {{normalize: false, lambda: 1.0}}\ndtype: float32\n"
    )


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
