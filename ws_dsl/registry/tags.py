"""Tags: names of artifacts that are kept whatever becomes of their studies.

A tag is a small file that holds a key. What it names is a root of garbage collection, with all that it was
made from; the tag of a run keeps all cells of the run.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

from ws_dsl.errors import DamagedError, MissingError, RegistryError
from ws_dsl.registry import disk
from ws_dsl.registry.attempt import attempt
from ws_dsl.registry.layout import Layout, entries
from ws_dsl.registry.manifest import SHA256

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def tags(layout: Layout) -> dict[str, str]:
    """Keys by tag, sorted.

    Raises:
        DamagedError: a tag does not hold a key.
    """
    found: dict[str, str] = {}
    for path in entries(layout.tags):
        with suppress(FileNotFoundError):
            key = path.read_text(encoding="utf-8", errors="replace").strip()
            if not SHA256.fullmatch(key):
                raise DamagedError(
                    f"the tag {path.name} is damaged ({path}); delete it with "
                    f"`ws-dsl tag --delete {path.name}` and set it again"
                )
            found[path.name] = key
    return found


def add(layout: Layout, name: str, key: str) -> None:
    """Names an artifact.

    Raises:
        RegistryError: no name for a tag, one that another artifact has, or the store cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise RegistryError(
            f"{name!r} is no name for a tag: up to 64 letters, digits, dots, dashes and underscores, "
            "beginning with a letter or digit"
        )
    known = tags(layout).get(name)
    if known == key:
        return
    if known is not None:
        raise RegistryError(f"the tag {name} names {known[:12]}; `ws-dsl tag --delete {name}` frees it")
    try:
        with attempt(layout) as folder:
            disk.write(folder / name, f"{key}\n".encode())
            layout.tags.mkdir(exist_ok=True)
            os.rename(folder / name, layout.tags / name)
            disk.sync_all([layout.tags, layout.root])
    except OSError as error:
        raise RegistryError(f"the store {layout.root} cannot be written: {error.strerror}") from error


def delete(layout: Layout, name: str) -> None:
    """Forgets a tag; the artifact stays until garbage is collected.

    Raises:
        MissingError: there is no such tag.
        RegistryError: the store cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise MissingError(f"there is no tag {name!r}")
    try:
        (layout.tags / name).unlink()
        disk.sync(layout.tags)
    except FileNotFoundError:
        raise MissingError(f"there is no tag {name!r}") from None
    except OSError as error:
        raise RegistryError(f"the store {layout.root} cannot be written: {error.strerror}") from error
