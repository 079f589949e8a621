"""The project: where studies, store and site are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ws_dsl.errors import WsDslError
from ws_dsl.specs.root import OWN, is_root, read_toml

_SUFFIXES = (".yaml", ".yml", ".py")


@dataclass(frozen=True)
class Project:
    """Folders of a project.

    Attributes:
        root: The nearest folder with a `ws-dsl.toml` or a `[tool.ws-dsl]` table, else the current one.
        registry: The store.
        site: What is published.
        remote: Address of a store that is shared, or None.
    """

    root: Path
    registry: Path
    site: Path
    remote: str | None = None

    def shown(self, path: Path) -> str:
        """A path as the user would write it from the root."""
        path = path.resolve()
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def find_project(registry: Path | None = None, site: Path | None = None) -> Project:
    """The project of the current folder; the arguments override its folders."""
    root = _root(Path.cwd())
    configured = os.environ.get("WS_DSL_REGISTRY")
    store = registry or (Path(configured) if configured else root / "registry")
    return Project(root, store.absolute(), (site or root / "site").absolute(), _remote(root))


def _root(start: Path) -> Path:
    return next((folder for folder in (start, *start.parents) if is_root(folder)), start)


def _remote(root: Path) -> str | None:
    """The address under `remote` in `ws-dsl.toml`, or in `[tool.ws-dsl]`; a path is one from the root.

    Raises:
        WsDslError: the file cannot be read, or it is no text.
    """
    own = root / OWN
    file = own if own.is_file() else root / "pyproject.toml"
    if not file.is_file():
        return None
    found = read_toml(file)
    table = found if file == own else found.get("tool", {}).get("ws-dsl", {})
    remote = table.get("remote")
    if remote is None:
        return None
    if not isinstance(remote, str) or not remote:
        raise WsDslError(f'{file}: remote is an address, such as remote = "s3://bucket/folder"')
    return remote if "://" in remote else str(root / remote)


def studies(paths: list[Path]) -> list[Path]:
    """Study files: those named, and those directly in the folders named.

    Raises:
        WsDslError: a path that does not exist, or a file that is no study.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES and file.is_file())
        elif not path.exists():
            raise WsDslError(f"there is no {path}")
        elif path.suffix not in _SUFFIXES:
            raise WsDslError(f"{path} is no study: studies end in {', '.join(_SUFFIXES)}")
        else:
            found.append(path)
    return list(dict.fromkeys(found))
