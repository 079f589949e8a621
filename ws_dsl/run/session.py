"""A session: studies opened against one store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ws_dsl.errors import ModelError, Problem, SpecError
from ws_dsl.plan.address import address
from ws_dsl.plan.environment import Environment, current
from ws_dsl.plan.foreign import Foreign
from ws_dsl.plan.inspector import inspect_plan
from ws_dsl.plan.keys import Derivation
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.planner import make_plan
from ws_dsl.plan.state import Lookup, State
from ws_dsl.registry.store import Store
from ws_dsl.run.project import Project
from ws_dsl.run.vendor import substitute
from ws_dsl.specs import kinds
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.checkpoint import defining_files
from ws_dsl.specs.source import read
from ws_dsl.specs.study import place_of_id


@dataclass
class Opened:
    """A study, planned, with what of it exists.

    Attributes:
        file: Its file.
        plan: Its cells.
        state: Keys and digests.
    """

    file: Path
    plan: Plan
    state: State


class Session:
    """Opens studies of a project.

    Attributes:
        project: Folders.
        store: The store.
        environment: The environment class of computing kinds.
        lookup: Asks for artifacts by key.
        find_foreign: Asks for artifacts of another environment.
    """

    def __init__(self, project: Project, device: str = "cpu"):
        self.project = project
        self.store = Store(project.registry)
        self.device = device
        self.environment: Environment = current(device)
        self.lookup: Lookup = self.store.lookup
        self.find_foreign: Callable[[Derivation], Foreign | None] = self.store.foreign
        self._facts: dict[str, dict[str, Json]] = {}
        self._names: dict[str, str] = {}

    def open(self, file: Path, model: Mapping[str, Any] | None = None) -> Opened:
        """Reads, plans and inspects a study.

        Raises:
            SpecError: with every mistake found.
        """
        kinds.use_folder(file.resolve().parent / "kinds")
        plan = make_plan(self._document(file), model)
        substitute(plan, self.store)
        state = State(self.environment, self.lookup, self.hash_path, self.find_foreign)
        state.update(plan.nodes)
        problems = inspect_plan(plan, state, self._facts_of)
        if problems:
            raise SpecError(problems)
        return Opened(file, plan, state)

    def open_all(self, files: list[Path], model: Mapping[str, Any] | None = None) -> list[Opened]:
        """Opens studies, and gathers the mistakes of all of them.

        Raises:
            SpecError: with every mistake of every study.
        """
        opened: list[Opened] = []
        problems: list[Problem] = []
        for file in files:
            try:
                opened.append(self.open(file, model))
            except SpecError as error:
                problems += error.problems
        first: dict[str, Opened] = {}
        for study in opened:
            other = first.setdefault(study.plan.spec.id, study)
            if other is not study:
                place = place_of_id(study.plan.document)
                problems.append(
                    Problem(
                        place, "duplicate-id", "id", f"{other.file} has the id {study.plan.spec.id!r} too"
                    )
                )
        if problems:
            raise SpecError(problems)
        return opened

    def hash_path(self, path: Path) -> Json:
        """Digest of a file, digests by name of a checkpoint's files, or None where there is nothing."""
        if path.is_dir():
            try:
                return {name: self.store.hash_file(path / name) for name in defining_files(path)}
            except ModelError:
                return None
        return self.store.hash_file(path) if path.is_file() else None

    def name_of(self, digest: str) -> str:
        """A readable name for a content digest: the cell that it was last used as."""
        if digest not in self._names:
            use = self.store.catalogue.use(digest)
            self._names[digest] = f"{address(*use)} {digest[:8]}" if use else digest[:12]
        return self._names[digest]

    def _document(self, file: Path) -> Any:
        if file.suffix == ".py":
            from ws_dsl.specs.twin import read_python

            return read_python(file)
        return read(file)

    def _facts_of(self, key: str) -> dict[str, Json]:
        if key not in self._facts:
            manifest = self.store.manifest(key)
            self._facts[key] = manifest.facts if manifest else {}
        return self._facts[key]
