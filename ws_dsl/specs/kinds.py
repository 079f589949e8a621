"""Finding kinds: one file each, imported when a study names them."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ws_dsl.errors import WsDslError
from ws_dsl.specs.kind import Kind

_STEPS = Path(__file__).parent.parent / "steps"


class UnknownKind(WsDslError):
    """A kind that does not exist; the message offers the nearest ones."""

    def __init__(self, name: str, known: list[str]):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"There is no kind {name!r}.{hint}\nkinds: {', '.join(known)}")


class KindModule:
    """A kind with what its file says about it.

    Attributes:
        name: The file's name.
        spec: The spec class.
        version: The integer in every key; raised whenever the meaning changes.
        verb: The folder it lives in, such as `measure`, or `own` for a user's kind.
    """

    def __init__(self, name: str, verb: str, module: ModuleType):
        self.name = name
        self.verb = verb
        self.module = module
        self.version: int = module.version
        self.spec: type[Kind[Any]] = getattr(module, _camel(name))

    @property
    def documentation(self) -> str:
        """The file's docstring."""
        return (self.module.__doc__ or "").strip()


@cache
def _files() -> dict[str, Path]:
    found = sorted(path for path in _STEPS.glob("*/*.py") if not path.stem.startswith("_"))
    return {path.stem: path for path in found}


_own: dict[str, Path] = {}


def add_folder(folder: Path) -> None:
    """Makes the kinds in a user's folder known; a name of ours cannot be taken."""
    for path in sorted(folder.glob("*.py")):
        if path.stem in _files():
            raise WsDslError(f"{path}: {path.stem!r} is already a kind of ws-dsl; choose another name")
        _own[path.stem] = path


def names() -> list[str]:
    """All kinds, sorted."""
    return sorted({**_files(), **_own})


def verb(name: str) -> str:
    """The folder that a kind lives in, without importing it; `own` for a user's."""
    return "own" if name in _own else _files()[name].parent.name


@cache
def find(name: str) -> KindModule:
    """The kind of this name.

    Raises:
        UnknownKind: there is none.
    """
    if name in _own:
        return KindModule(name, "own", _import_own(name, _own[name]))
    path = _files().get(name)
    if path is None:
        raise UnknownKind(name, names())
    module = importlib.import_module(f"ws_dsl.steps.{path.parent.name}.{name}")
    return KindModule(name, path.parent.name, module)


def find_class(name: str) -> type[Kind[Any]]:
    """The spec class of this name: `LogitDiff`."""
    return next(find(kind).spec for kind in names() if _camel(kind) == name)


def own_source(name: str) -> bytes | None:
    """Source of a user's kind, which is part of its key; None for ours."""
    return _own[name].read_bytes() if name in _own else None


def _import_own(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"ws_dsl_own_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
