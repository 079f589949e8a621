"""The root of a project: the folder that the files of its studies may come from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from ws_dsl.errors import WsDslError

OWN = "ws-dsl.toml"


def is_root(folder: Path) -> bool:
    """Whether a folder is marked as the root of a project.

    Raises:
        WsDslError: its `pyproject.toml` cannot be read.
    """
    if (folder / OWN).is_file():
        return True
    pyproject = folder / "pyproject.toml"
    if not pyproject.is_file():
        return False
    return "ws-dsl" in read_toml(pyproject).get("tool", {})


def root_of(study: Path) -> Path:
    """The nearest folder above a study that is marked; else the current one that holds it; else its own.

    Raises:
        WsDslError: a `pyproject.toml` on the way cannot be read.
    """
    folder = study.parent.resolve()
    marked = next((above for above in (folder, *folder.parents) if is_root(above)), None)
    if marked is not None:
        return marked
    current = Path.cwd()
    return current if folder.is_relative_to(current) else folder


def read_toml(file: Path) -> dict[str, Any]:
    """A file of settings.

    Raises:
        WsDslError: it is no TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WsDslError(f"{file}: {error}") from None
