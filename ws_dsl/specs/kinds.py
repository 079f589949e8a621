"""Finding kinds: one file each, imported when a study names them."""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ws_dsl.errors import WsDslError
from ws_dsl.specs.kind import Kind, gives
from ws_dsl.specs.own_source import source_digest

_STEPS = Path(__file__).parent.parent / "steps"


class UnknownKind(WsDslError):
    """A kind that does not exist; the message offers the nearest ones."""

    def __init__(self, name: str, known: list[str]):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        super().__init__(f"There is no kind {name!r}.{hint}\nkinds: {', '.join(known)}")


class BrokenKind(WsDslError):
    """A user's kind whose file cannot be read as one; the message says where and why."""


class KindModule:
    """A kind with what its file says about it.

    Attributes:
        name: The file's name.
        spec: The spec class.
        version: The integer in every key; raised whenever the meaning changes.
        verb: The folder it lives in, such as `measure`, or `own` for a user's kind.
        source: SHA-256 of a user's file as it was imported, and of what it imports of the project, which is
            part of the key; None for ours.
    """

    def __init__(self, name: str, verb: str, module: ModuleType, source: str | None = None):
        self.name = name
        self.verb = verb
        self.module = module
        self.source = source
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


def use_folder(folder: Path) -> None:
    """Makes the kinds in a user's folder known, in the place of those of any other folder.

    Raises:
        WsDslError: one has the name of a kind of ours.
    """
    found = {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}
    for name, path in found.items():
        if name in _files():
            raise WsDslError(f"{path}: {name!r} is already a kind of ws-dsl; choose another name")
    _own.clear()
    _own.update(found)


def names() -> list[str]:
    """All kinds, sorted."""
    return sorted({**_files(), **_own})


def verb(name: str) -> str:
    """The folder that a kind lives in, without importing it; `own` for a user's."""
    return "own" if name in _own else _files()[name].parent.name


def find(name: str) -> KindModule:
    """The kind of this name.

    Raises:
        UnknownKind: there is none.
        BrokenKind: a user's file that cannot be read as a kind.
    """
    if name in _own:
        source = _own[name].read_bytes()
        return _import_own(name, _own[name], source, source_digest(_own[name], source))
    if name not in _files():
        raise UnknownKind(name, names())
    return _import(name, _files()[name].parent.name)


def find_class(name: str) -> type[Kind[Any]]:
    """The spec class of this name: `LogitDiff`."""
    return next(find(kind).spec for kind in names() if _camel(kind) == name)


@cache
def _import(name: str, verb: str) -> KindModule:
    return KindModule(name, verb, importlib.import_module(f"ws_dsl.steps.{verb}.{name}"))


@cache
def _import_own(name: str, path: Path, source: bytes, digest: str) -> KindModule:
    module = ModuleType(f"ws_dsl_own_{name}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except SyntaxError as error:
        raise BrokenKind(f"{path}:{error.lineno}:{error.offset} {error.msg}") from error
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1].lineno
        raise BrokenKind(f"{path}:{line}:1 {type(error).__name__}: {error}") from error
    try:
        found = KindModule(name, "own", module, digest)
        gives(found.spec)
    except (AttributeError, TypeError) as error:
        message = f"a kind defines version, run, and class {_camel(name)}(Kind[...])"
        raise BrokenKind(f"{path}:1:1 {message}: {error}") from error
    return found


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
