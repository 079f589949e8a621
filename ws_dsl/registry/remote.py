"""Remote: the objects and manifests of a store behind an address.

    objects/ab/abcd…          as in a store
    manifests/ab/abcd….json   as in a store
    studies/ID/KEY            the runs of each study by key, to find them without reading all manifests

fsspec reaches the address. What is written appears whole or not at all: by one request where the service
promises that, else under another name that is then changed. Nothing is locked and nothing is believed.
"""

from __future__ import annotations

import os
import pkgutil
import re
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from ws_dsl.errors import RemoteError
from ws_dsl.registry.manifest import SHA256

T = TypeVar("T")
U = TypeVar("U")

Folder = Literal["objects", "manifests"]

_BLOCK = 1 << 23
_WORKERS = 8


class _Service(NamedTuple):
    """A protocol of fsspec.

    Attributes:
        package: The package that it needs.
        install: What to install.
        errors: What may be raised besides OSError.
        whole: Whether one request makes a file appear whole.
        options: Settings of its file system.
    """

    package: str = ""
    install: str = ""
    errors: tuple[str, ...] = ()
    whole: bool = False
    options: Mapping[str, Any] = {}


_SERVICES = {
    "file": _Service(),
    "memory": _Service(),
    "s3": _Service(
        "s3fs",
        "ws-dsl[s3]",
        ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError", "aiohttp:ClientError"),
        whole=True,
        # s3fs tries five times by itself; five times five take most of a minute.
        options={"config_kwargs": {"retries": {"total_max_attempts": 1}}},
    ),
    "gs": _Service(
        "gcsfs",
        "ws-dsl[gs]",
        ("gcsfs.retry:HttpError", "google.auth.exceptions:GoogleAuthError", "aiohttp:ClientError"),
        whole=True,
    ),
    "hf": _Service("huggingface_hub", "huggingface_hub", ("httpx:HTTPError",), whole=True),
}


class Remote:
    """A store at an address.

    Attributes:
        url: The address, without what may be secret in it.
    """

    def __init__(self, url: str):
        """Makes ready to reach an address; nothing is asked yet.

        Raises:
            RemoteError: the protocol is not known, or the package for it is missing.
        """
        protocol, written, _ = url.partition("://")
        if not written:
            protocol, url = "file", Path(url).absolute().as_uri()
        if protocol not in _SERVICES:
            known = ", ".join(f"{name}://" for name in _SERVICES)
            raise RemoteError(f"a remote begins with one of {known}; {url!r} does not")
        self.url = re.sub(r"(?<=://)[^/@]*@", "", url).rstrip("/")
        self._service = _SERVICES[protocol]
        import fsspec.core as fsspec  # pyright: ignore[reportMissingTypeStubs]

        open_url: Any = fsspec.url_to_fs  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        try:
            found: tuple[Any, str] = open_url(
                url, skip_instance_cache=True, use_listings_cache=False, **self._service.options
            )
            errors = [pkgutil.resolve_name(name) for name in self._service.errors]
        except ImportError:
            raise RemoteError(
                f"{protocol}:// needs the package {self._service.package}: "
                f"pip install '{self._service.install}'"
            ) from None
        except ValueError as error:
            raise RemoteError(f"{self.url} is no address: {error}") from None
        self._fs, self._root = found[0], found[1].rstrip("/")
        self._errors: tuple[type[Exception], ...] = (OSError, EOFError, *errors)

    def sizes(self, folder: Folder, names: Iterable[str]) -> dict[str, int]:
        """Sizes of those files that are there; one question for all names with the same two first digits."""
        wanted = set(names)
        places = sorted({f"{folder}/{name[:2]}" for name in wanted})
        return {
            name: size
            for listed in self.together(self._list, places)
            for name, size in listed.items()
            if name in wanted
        }

    def keys(self) -> list[str]:
        """Keys of all manifests, sorted."""
        places = [f"manifests/{name}" for name in self._list("manifests") if len(name) == 2]
        return sorted(
            name for listed in self.together(self._list, places) for name in listed if SHA256.fullmatch(name)
        )

    def runs(self, study: str) -> list[str]:
        """Keys of the runs of a study."""
        return sorted(name for name in self._list(f"studies/{study}") if SHA256.fullmatch(name))

    def read(self, folder: Folder, name: str, size: int) -> Iterator[bytes]:
        """The first bytes of a file, in blocks; fewer than `size` where it is shorter.

        Raises:
            FileNotFoundError: it is not there.
            RemoteError: the address cannot be reached, or not be read.
        """
        path = self._path(folder, name)
        for start in range(0, size, _BLOCK):
            with self._reaching(path):
                block: bytes = self._fs.cat_file(path, start=start, end=min(start + _BLOCK, size))
            yield block

    def write(self, folder: Folder, name: str, content: bytes | Path) -> None:
        """Puts a file.

        Raises:
            RemoteError: the address cannot be reached, or not be written.
        """
        self._put(self._path(folder, name), content)

    def note_run(self, study: str, key: str) -> None:
        """Makes a run findable by its study; raises as `write`."""
        self._put(f"{self._root}/studies/{study}/{key}", f"{key}\n".encode())

    def together(self, work: Callable[[T], U], items: Iterable[T]) -> list[U]:
        """Does something for several items at once; the first failure ends it."""
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(_WORKERS)
        try:
            return list(pool.map(work, items))
        finally:
            pool.shutdown(cancel_futures=True)

    def _list(self, place: str) -> dict[str, int]:
        """Sizes of the files in a folder, by name without suffix; of folders, nothing counts but the name."""
        path = f"{self._root}/{place}"
        try:
            with self._reaching(path):
                found: Sequence[dict[str, Any]] = self._fs.ls(path, detail=True)
        except FileNotFoundError:
            return {}
        return {os.path.basename(one["name"]).removesuffix(".json"): int(one["size"] or 0) for one in found}

    def _put(self, path: str, content: bytes | Path) -> None:
        target = path if self._service.whole else f"{path}.part-{secrets.token_hex(8)}"
        try:
            with self._reaching(path):
                if not self._service.whole:
                    self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                if isinstance(content, bytes):
                    self._fs.pipe_file(target, content)
                else:
                    self._fs.put_file(str(content), target)
                if target != path:
                    self._fs.mv(target, path)
        except FileNotFoundError as error:
            raise self._failed(path, error) from None

    def _path(self, folder: Folder, name: str) -> str:
        return f"{self._root}/{folder}/{name[:2]}/{name}{'.json' if folder == 'manifests' else ''}"

    @contextmanager
    def _reaching(self, path: str) -> Generator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except self._errors as error:
            raise self._failed(path, error) from error

    def _failed(self, path: str, error: Exception) -> RemoteError:
        said = " ".join(str(error).split()) or type(error).__name__
        return RemoteError(
            f"{self.url} failed at {path.removeprefix(self._root).lstrip('/')}: {said}\n"
            "What has arrived is kept; the same command goes on from there"
        )
