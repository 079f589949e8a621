"""What kinds run in: inputs opened and verified, models loaded once."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ws_dsl.errors import ModelError
from ws_dsl.plan.node import Edge, Node
from ws_dsl.plan.state import State
from ws_dsl.registry.store import Store
from ws_dsl.run.replies import StoredReplies

if TYPE_CHECKING:
    from ws_dsl.models.handle import Handle

_KEPT = 256


@dataclass(frozen=True)
class StoredInput:
    """One artifact that a cell reads, out of the store (`ws_dsl.steps.cell.Input`)."""

    edge: Edge
    key: str
    digest: str
    library: Library

    @property
    def pooled(self) -> tuple[int, ...]:
        return self.edge.pooled

    @property
    def column(self) -> str | None:
        return self.edge.column

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.edge.labels)

    @property
    def spec(self) -> Any:
        return self.edge.node.spec

    def open(self) -> Any:
        return self.library.open(self.key, self.digest, self.column)


@dataclass
class Library:
    """Artifacts in memory, the latest of them kept; every read is verified by the store."""

    store: Store
    kept: OrderedDict[tuple[str, str | None], Any] = field(
        default_factory=OrderedDict[tuple[str, str | None], Any]
    )

    def open(self, key: str, digest: str, column: str | None = None) -> Any:
        """An artifact in the type of the grammar; a column of Rows as a Table."""
        from ws_dsl.artifacts.decode import column_of, decode
        from ws_dsl.artifacts.rows import Rows
        from ws_dsl.artifacts.states import States

        identity = (digest, None)
        if identity not in self.kept:
            manifest = self.store.require(key)
            opened = decode(
                set(manifest.files),
                lambda name: self.store.read(manifest, name),
                lambda name: self.store.path(manifest, name),
            )
            if isinstance(opened, States):
                # What was read of a map stays in memory for as long as the map does.
                return opened
            self.kept[identity] = opened
            if len(self.kept) > _KEPT:
                self.kept.popitem(last=False)
        found = self.kept[identity]
        self.kept.move_to_end(identity)
        return column_of(found, column) if column and isinstance(found, Rows) else found


@dataclass
class RunContext:
    """The context of one run (`ws_dsl.steps.cell.Context`).

    Attributes:
        store: Where artifacts are.
        state: Keys and digests so far.
        device: Where models are put.
        on_rows: Told how many rows went through a model.
        library: Artifacts in memory.
        replies: What endpoints replied before.
        handles: Loaded models by digest.
    """

    store: Store
    state: State
    device: str = "cpu"
    on_rows: Callable[[int], None] = lambda count: None
    library: Library = field(init=False)
    replies: StoredReplies = field(init=False)
    handles: dict[str, Handle] = field(default_factory=dict[str, Any])
    tokenizers: dict[str, Any] = field(default_factory=dict[str, Any])
    folder: tempfile.TemporaryDirectory[str] | None = None

    def __post_init__(self) -> None:
        self.library = Library(self.store)
        self.replies = StoredReplies(self.store)

    def input(self, edge: Edge) -> StoredInput:
        """An edge as what a cell receives."""
        return StoredInput(edge, self.state.keys[edge.node], self.state.digests[edge.node], self.library)

    @property
    def advance(self) -> Callable[[int], None]:
        return self.on_rows

    def model(self, source: Any) -> Handle:
        from ws_dsl.models import handle, lens

        if source.digest not in self.handles:
            folder, record = self._checkpoint(source)
            load = {"hugging_face": handle.load, "transformer_lens": lens.load}[record.backend]
            self.handles[source.digest] = load(folder, record.dtype, self.device, record.bits)
        return self.handles[source.digest]

    def tokenizer(self, source: Any) -> Any:
        from ws_dsl.models.tokens import load_tokenizer

        if source.digest in self.handles:
            return self.handles[source.digest].tokenizer
        if source.digest not in self.tokenizers:
            self.tokenizers[source.digest] = load_tokenizer(self._checkpoint(source)[0])
        return self.tokenizers[source.digest]

    def scratch(self) -> Path:
        if self.folder is None:
            self.folder = tempfile.TemporaryDirectory(prefix="ws-dsl-")
        return Path(tempfile.mkdtemp(dir=self.folder.name))

    def close(self) -> None:
        """Removes intermediate files."""
        if self.folder is not None:
            self.folder.cleanup()
            self.folder = None

    def _checkpoint(self, source: StoredInput) -> tuple[Path, Any]:
        """The folder of a model, its files verified against the record."""
        node: Node = source.edge.node
        record = source.open()
        if not node.files:
            return self._own_checkpoint(source, record), record
        (folder,) = node.files.values()
        for name, digest in record.files.items():
            if self.store.hash_file(folder / name) != digest:
                raise ModelError(f"{folder / name} changed since the study was planned; run again")
        return folder, record

    def _own_checkpoint(self, source: StoredInput, record: Any) -> Path:
        """The folder of a model whose files are its artifact's own, under their names."""
        folder, manifest = self.scratch(), self.store.require(source.key)
        for name in record.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(self.store.path(manifest, name).resolve())
        return folder
