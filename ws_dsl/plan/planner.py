"""From a study to nodes: every step evaluated into a relation of cells."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ws_dsl.errors import Problem, SpecError
from ws_dsl.plan.node import Edge, Node, address
from ws_dsl.plan.params import params_of
from ws_dsl.plan.plan import CheckStep, Plan
from ws_dsl.plan.relation import AxisError, Entry, Join, Joined, Labels, Relation, pool, view
from ws_dsl.plan.variants import Variant, expand
from ws_dsl.specs import kinds, types
from ws_dsl.specs.canonical import digest
from ws_dsl.specs.document import Document, Path_, subject
from ws_dsl.specs.kind import InputField, Inline, Kind, Named, gives, input_fields, marks, seed_scope
from ws_dsl.specs.reference import Reference, parse
from ws_dsl.specs.study import StudySpec, problems, validate

_ROWS = InputField((types.Rows,), True, False)


class _Broken(Exception):
    """A step with a mistake that was already reported."""


def make_plan(document: Document, model: Mapping[str, Any] | None = None) -> Plan:
    """Plans a study.

    Args:
        document: The study as read.
        model: A step that takes the place of the study's model, or None.

    Raises:
        SpecError: with every mistake that could be found.
    """
    if model is not None:
        document.data["model"] = dict(model)
    spec = validate(document)
    planner = _Planner(document, spec)
    plan = planner.plan()
    if planner.problems:
        raise SpecError(planner.problems)
    return plan


class _Planner:
    def __init__(self, document: Document, spec: StudySpec):
        self.document = document
        self.spec = spec
        self.problems: list[Problem] = []
        self.relations: dict[str, Relation | None] = {}
        self.visiting: list[str] = []
        self.nodes: list[Node] = []
        self.hidden: dict[str, Node] = {}

    def plan(self) -> Plan:
        for name in ("model", *self.spec.steps):
            self._try(name)
        checks = [check for name in self.spec.checks if (check := self._check(name)) is not None]
        references = [*self._rule_references(), *self._report_references()]
        for path, text in references:
            try:
                self.resolve(text, path)
            except _Broken:
                continue
        if not self.problems:
            checks += self._always()
        relations = {name: relation for name, relation in self.relations.items() if relation is not None}
        return Plan(self.spec, self.document, self.nodes, relations, checks)

    def complain(self, path: Path_, code: str, message: str) -> _Broken:
        self.problems.append(Problem(self.document.place(path), code, subject(path), message))
        return _Broken()

    def _try(self, name: str) -> Relation | None:
        try:
            return self.relation(name, ("steps", name))
        except _Broken:
            return None

    # -- references -----------------------------------------------------------------------------------------

    def resolve(self, text: str | Reference, path: Path_) -> Relation:
        """The relation behind a reference, or a problem at `path`."""
        try:
            reference = parse(text) if isinstance(text, str) else text
        except ValueError as error:
            raise self.complain(path, "bad-reference", str(error)) from None
        relation = self.relation(reference.name, path)
        try:
            found = view(relation, reference)
        except AxisError as error:
            raise self.complain(path, error.code, str(error)) from None
        if reference.column and not set(found.types) & {types.Rows, types.Table, types.Estimate}:
            message = f"{reference.name} is {_names(found.types)}, which has no columns"
            raise self.complain(path, "wrong-type", message)
        if reference.column and types.Rows in found.types:
            found = Relation((types.Table,), found.axes, found.entries, found.dropped)
        return found

    def relation(self, name: str, path: Path_) -> Relation:
        """The cells of a step; evaluated once."""
        if name == "none":
            return Relation((types.Arm,), {}, [Entry({}, None)])
        if name in self.relations:
            if (known := self.relations[name]) is None:
                raise _Broken
            return known
        written = self.spec.model if name == "model" else self.spec.steps.get(name)
        if written is None:
            known_names = ["model", *self.spec.steps]
            near = difflib.get_close_matches(name, known_names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise self.complain(path, "missing-reference", f"there is no step {name!r}.{hint}\nsteps: {', '.join(known_names)}")
        if name in self.visiting:
            circle = " → ".join([*self.visiting[self.visiting.index(name) :], name])
            raise self.complain(("steps", name), "cycle", f"steps refer to each other in a circle: {circle}")
        here: Path_ = ("model",) if name == "model" else ("steps", name)
        self.visiting.append(name)
        self.relations[name] = None
        try:
            found = self.resolve(written, here) if isinstance(written, str) else self.step(name, written, here)
        finally:
            self.visiting.pop()
        self.relations[name] = found
        return found

    # -- steps ----------------------------------------------------------------------------------------------

    def step(self, name: str, written: Mapping[str, Any], path: Path_) -> Relation:
        """Evaluates a step into its relation and creates its nodes."""
        kind = self._kind(written, path)
        if kind.name == "stack":
            return self._stack(written, path)
        known = {*kind.spec.model_fields, *(f.alias for f in kind.spec.model_fields.values() if f.alias), "rows"}
        try:
            varied = expand(written, path, lambda field: field in known, lambda field: seed_scope(kind.spec, field))
        except AxisError as error:
            raise self.complain((*path, "over"), error.code, str(error)) from None
        pooled = self._axis_list(written.get("pool", []), (*path, "pool"))
        result = Relation(gives(kind.spec), varied.axes)
        broken = False
        unused = set(pooled)
        for variant in varied.variants:
            try:
                self._variant(name, kind, variant, pooled, written.get("except", []), path, result, unused, varied.targets)
            except _Broken:
                broken = True
        if not broken and unused:
            has = ", ".join(result.axes) or "none"
            raise self.complain((*path, "pool"), "unknown-axis", f"no input has an axis {sorted(unused)[0]!r} (axes: {has})")
        self._check_except(written.get("except", []), result, (*path, "except"))
        if broken:
            raise _Broken
        return result

    def _kind(self, written: Mapping[str, Any], path: Path_) -> kinds.KindModule:
        if "kind" not in written:
            raise self.complain(path, "missing-field", f"a step needs a kind\nkinds: {', '.join(kinds.names())}")
        try:
            return kinds.find(str(written["kind"]))
        except kinds.UnknownKind as error:
            raise self.complain((*path, "kind"), "unknown-kind", str(error)) from None

    def _variant(
        self,
        name: str,
        kind: kinds.KindModule,
        variant: Variant,
        pooled: list[str],
        exceptions: Any,
        path: Path_,
        result: Relation,
        unused: set[str],
        targets: dict[str, set[str]],
    ) -> None:
        spec = self._spec(kind, variant, path)
        references = self._references(kind, spec, variant)
        consumed = [getattr(spec, f) for f in kind.spec.model_fields if "axis" in marks(kind.spec, f) and getattr(spec, f)]
        join = Join([Joined(variant.labels, {}, {})], {axis: {l: w for l, w in ls.items() if variant.labels.get(axis) == l}
                    for axis, ls in result.axes.items() if axis in variant.labels})
        output: tuple[type[types.Type], ...] = ()
        for field, (value, accepts) in references.items():
            origin = variant.origin.get(field, path)
            relation = self._input(name, field, value, origin)
            if not _accepted(relation.types, accepts.accepts):
                message = f"{field!r} takes {_names(accepts.accepts)}, and {_shown(value)} is {_names(relation.types)}"
                raise self.complain(origin, "wrong-type", message)
            if not output:
                output = tuple(t for t in relation.types if t in gives(kind.spec))
            column = value.column if isinstance(value, Reference) else None
            unused -= set(relation.axes)
            for axis in consumed:
                if axis not in relation.axes and len(references) == 1:
                    has = ", ".join(relation.axes) or "none"
                    raise self.complain(origin, "unknown-axis", f"{_shown(value)} has no axis {axis!r} (axes: {has})")
            groups, axes = pool(relation, [*pooled, *consumed], column)
            try:
                join.add(field, groups, axes, relation.dropped)
            except AxisError as error:
                raise self.complain(origin, error.code, str(error)) from None
        if len(gives(kind.spec)) > 1:
            result.types = output or result.types
        made = kind.spec.made(spec)
        for axis, labels in {**join.axes, **{axis: {label: label for label in ls} for axis, ls in made.items()}}.items():
            result.axes.setdefault(axis, {}).update(labels)
        result.dropped += join.dropped
        params, written_files = params_of(kind.spec, spec, references)
        files = {field: self._path(value, variant.origin.get(field, path)) for field, value in written_files.items()}
        for cell in join.cells:
            if _matches(cell.labels, exceptions):
                result.dropped.append(cell.labels)
                continue
            self._cells(name, kind, spec, params, files, cell, made, result, variant, targets)

    def _cells(
        self,
        name: str,
        kind: kinds.KindModule,
        spec: Kind[Any],
        params: dict[str, Any],
        files: dict[str, Path],
        cell: Joined,
        made: dict[str, list[str]],
        result: Relation,
        variant: Variant,
        targets: dict[str, set[str]],
    ) -> None:
        if kind.spec.changes_nothing(spec):
            result.entries.append(Entry(cell.labels, None))
            return
        inputs = {field: edges for field, edges in cell.inputs.items() if edges}
        for field, derived in kind.spec.derived.items():
            node = self._derive(f"{name}/{field}", derived, spec, cell, variant, targets)
            inputs[field] = [Edge(node)]
        source = _rows_from(inputs)
        if kind.spec.row_columns and source is not None:
            inputs["row_columns"] = [Edge(source)]
        inputs = {field: edges for field, edges in inputs.items() if field not in kind.spec.consumed}
        combinations: list[Labels] = [{}]
        for axis, labels in made.items():
            combinations = [{**done, axis: label} for done in combinations for label in labels]
        for own in combinations:
            node = Node(name, {**cell.labels, **own}, kind, spec, params, inputs, own, source, files)
            if types.Rows in gives(kind.spec):
                node.rows_from = node
            self.nodes.append(node)
            result.entries.append(Entry(node.labels, node))

    def _derive(
        self, name: str, derived: Any, spec: Kind[Any], cell: Joined, variant: Variant, targets: dict[str, set[str]]
    ) -> Node:
        """An input that the planner makes; the same one wherever it is needed again."""
        kind = kinds.find(derived.kind)
        inputs = {field: cell.inputs[field] for field in derived.fields if cell.inputs.get(field)}
        fields = {**derived.settings, **{field: getattr(spec, field) for field in derived.fields}}
        inner = kind.spec.model_validate(fields)
        params, _ = params_of(kind.spec, inner, dict.fromkeys(derived.fields))
        identity = digest([derived.kind, params, {f: [[id(e.node), e.column, list(e.pooled)] for e in es] for f, es in inputs.items()}])
        if identity not in self.hidden:
            axes = {axis for field in derived.fields for axis in cell.brought.get(field, ())}
            axes |= {axis for axis in variant.labels if targets[axis] & set(derived.fields)}
            labels = {axis: label for axis, label in cell.labels.items() if axis in axes}
            node = Node(name, labels, kind, inner, params, inputs, {}, _rows_from(inputs))
            self.hidden[identity] = node
            self.nodes.append(node)
        return self.hidden[identity]

    def _spec(self, kind: kinds.KindModule, variant: Variant, path: Path_) -> Kind[Any]:
        fields = {name: value for name, value in variant.fields.items() if name != "rows" or "rows" in kind.spec.model_fields}
        try:
            fields = {name: self._from_file(value, variant.origin.get(name, path)) for name, value in fields.items()}
            return kind.spec.model_validate(fields)
        except ValidationError as error:
            found = problems(error, self.document, path, kind.spec)
            for problem, item in zip(found, error.errors(include_url=False), strict=False):
                origin = variant.origin.get(str(item["loc"][0])) if item["loc"] else None
                if origin is not None and origin[: len(path) + 1] != (*path, item["loc"][0]):
                    problem = problem._replace(place=self.document.place(origin), subject=subject(origin))
                self.problems.append(problem)
            raise _Broken from None

    def _from_file(self, value: Any, path: Path_) -> Any:
        if not (isinstance(value, Mapping) and set(value) == {"file"}):  # pyright: ignore[reportUnknownArgumentType]
            return value
        file = self._path(str(value["file"]), path)  # pyright: ignore[reportUnknownArgumentType]
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self.complain(path, "unreadable", f"{value['file']}: {error}") from None

    def _path(self, written: str, path: Path_) -> Path:
        """A path relative to the file that it is written in."""
        return (Path(self.document.place(path).file).parent / written).resolve()

    def _references(
        self, kind: kinds.KindModule, spec: Kind[Any], variant: Variant
    ) -> dict[str, tuple[Reference | Inline, InputField]]:
        found: dict[str, tuple[Reference | Inline, InputField]] = {}
        for field, accepts in input_fields(kind.spec).items():
            value = getattr(spec, field)
            if isinstance(value, Named):
                value = value.reference  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            if isinstance(value, (Reference, Inline)):
                found[field] = (value, accepts)
        if "rows" in variant.fields and "rows" not in kind.spec.model_fields:
            try:
                found["rows"] = (parse(str(variant.fields["rows"])), _ROWS)
            except ValueError as error:
                raise self.complain(variant.origin["rows"], "bad-reference", str(error)) from None
        return found

    def _input(self, name: str, field: str, value: Reference | Inline, origin: Path_) -> Relation:
        if isinstance(value, Reference):
            return self.resolve(value, origin)
        return self.step(f"{name}/{field}", value.step, origin)

    def _stack(self, written: Mapping[str, Any], path: Path_) -> Relation:
        """Cells of several steps side by side along a new axis."""
        axis, members = written.get("axis"), written.get("of")
        if not isinstance(axis, str) or not isinstance(members, Mapping) or not members or set(written) - {"kind", "axis", "of"}:
            raise self.complain(path, "wrong-value", "stack takes axis: NAME and of: {label: reference, …}")
        result = Relation(())
        for label, text in members.items():  # pyright: ignore[reportUnknownVariableType]
            relation = self.resolve(str(text), (*path, "of", str(label)))  # pyright: ignore[reportUnknownArgumentType]
            if result.types and not set(result.types) & set(relation.types):
                message = f"all members are of one type; {text} is {_names(relation.types)}, not {_names(result.types)}"
                raise self.complain((*path, "of", str(label)), "wrong-type", message)  # pyright: ignore[reportUnknownArgumentType]
            result.types = relation.types
            result.axes.setdefault(axis, {})[str(label)] = digest(str(text))  # pyright: ignore[reportUnknownArgumentType]
            for name, labels in relation.axes.items():
                result.axes.setdefault(name, {}).update(labels)
            result.entries += [Entry({axis: str(label), **entry.labels}, entry.node) for entry in relation.entries]  # pyright: ignore[reportUnknownArgumentType]
            result.dropped += [{axis: str(label), **labels} for labels in relation.dropped]  # pyright: ignore[reportUnknownArgumentType]
        return result

    # -- axes, checks, rules --------------------------------------------------------------------------------

    def _axis_list(self, value: Any, path: Path_) -> list[str]:
        axes: list[Any] = value if isinstance(value, list) else [value]
        if not all(isinstance(axis, str) for axis in axes):
            raise self.complain(path, "wrong-value", "expected names of axes")
        return axes

    def _check_except(self, exceptions: Any, result: Relation, path: Path_) -> None:
        if not isinstance(exceptions, list) or not all(isinstance(e, Mapping) for e in exceptions):  # pyright: ignore[reportUnknownVariableType]
            raise self.complain(path, "wrong-value", "expected a list of partial cells, such as [{arm: none}]")
        for index, exception in enumerate(exceptions):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            for axis in exception:  # pyright: ignore[reportUnknownVariableType]
                if axis not in result.axes:
                    has = ", ".join(result.axes) or "none"
                    raise self.complain((*path, index), "unknown-axis", f"this step has no axis {axis!r} (axes: {has})")

    def _check(self, name: str) -> CheckStep | None:
        """A check reads all cells of what it names, at once."""
        written, path = self.spec.checks[name], ("checks", name)
        try:
            kind = self._kind(written, path)
            if kind.verb != "check":
                raise self.complain((*path, "kind"), "wrong-type", f"{kind.name!r} is no check")
            fields = {field: value for field, value in written.items() if field not in ("kind", "severity")}
            severity = written.get("severity", "fail")
            if severity not in ("fail", "warn"):
                raise self.complain((*path, "severity"), "not-allowed", "severity is fail or warn")
            texts = {f: v if isinstance(v, list) else [v] for f, v in fields.items() if f in input_fields(kind.spec)}
            rest = {f: v for f, v in fields.items() if f not in texts}
            spec = self._spec(kind, Variant({}, {**rest, **{f: v[0] for f, v in texts.items()}}, {}), path)
            inputs: dict[str, list[Edge]] = {}
            cells: dict[str, list[str]] = {}
            for field, references in texts.items():
                inputs[field], cells[field] = [], []
                for place, text in enumerate(references):
                    relation = self.resolve(str(text), (*path, field))
                    if not _accepted(relation.types, input_fields(kind.spec)[field].accepts):
                        accepts = _names(input_fields(kind.spec)[field].accepts)
                        message = f"{field!r} takes {accepts}, and {text} is {_names(relation.types)}"
                        raise self.complain((*path, field), "wrong-type", message)
                    found = [(e.labels, e.node) for e in relation.entries if e.node is not None]
                    column = parse(str(text)).column
                    inputs[field] += [Edge(node, column, (place, index)) for index, (_, node) in enumerate(found)]
                    cells[field] += [address(str(text), labels) for labels, _ in found]
            params, _ = params_of(kind.spec, spec, dict.fromkeys(texts))
            node = Node(f"check/{name}", {}, kind, spec, params, inputs)
            self.nodes.append(node)
            return CheckStep(name, node, cells, severity)
        except _Broken:
            return None

    def _always(self) -> list[CheckStep]:
        """The checks that every study gets where it has something for them to look at."""
        found: list[CheckStep] = []
        nodes = list(self.nodes)
        for name in kinds.names():
            if name in self.spec.checks or kinds.verb(name) != "check":
                continue
            kind = kinds.find(name)
            gathered = kind.spec.gather(nodes)
            if gathered is None:
                continue
            spec = kind.spec.model_validate({**gathered.settings, **dict.fromkeys(gathered.inputs, "cells")})
            params, _ = params_of(kind.spec, spec, dict.fromkeys(gathered.inputs))
            node = Node(f"check/{name}", {}, kind, spec, params, gathered.inputs)
            self.nodes.append(node)
            cells = {field: [str(edge.node) for edge in edges] for field, edges in gathered.inputs.items()}
            found.append(CheckStep(name, node, cells, kind.spec.severity))
        return found

    def _rule_references(self) -> list[tuple[Path_, str]]:
        found: list[tuple[Path_, str]] = []
        for name, rule in self.spec.rules.items():
            path: Path_ = ("rules", name)
            for read, text in rule.read.items():
                here = (*path, "read", read)
                found.append((here, text))
                try:
                    relation = self.resolve(text, here)
                except _Broken:
                    continue
                if types.Estimate not in relation.types:
                    self.complain(here, "wrong-type", f"rules read Estimates, and {text} is {_names(relation.types)}")
                several = len(relation.entries) > 1
                for index, case in enumerate(rule.first):
                    for condition in (c for which, c, _ in case.conditions() if which == read):
                        if several and condition.quantifier is None:
                            at = (*path, "first", index, "when", read)
                            self.complain(at, "needs-quantifier", f"{text} has {len(relation.entries)} cells; write all_ or any_")
            for index, case in enumerate(rule.first):
                for which in case.when:
                    if which not in rule.read:
                        at = (*path, "first", index, "when", which)
                        self.complain(at, "missing-reference", f"the rule reads no {which!r} (reads: {', '.join(rule.read)})")
        return found

    def _report_references(self) -> list[tuple[Path_, str]]:
        found: list[tuple[Path_, str]] = []
        for name, figure in self.spec.report.figures.items():
            texts = [figure.of] if figure.of else []
            if not figure.of:
                texts = [t for t in (figure.x, figure.y) if isinstance(t, str)]
            if not texts:
                self.complain(("report", "figures", name), "missing-field", "a figure needs of, or x and y")
            found += [(("report", "figures", name), text) for text in texts]
        for name, table in self.spec.report.tables.items():
            found.append((("report", "tables", name, "of"), table.of))
        return found


def _accepted(have: tuple[type[types.Type], ...], wanted: tuple[type[types.Type], ...]) -> bool:
    return types.Type in wanted or bool(set(have) & set(wanted))


def _names(found: tuple[type[types.Type], ...]) -> str:
    return " or ".join(t.__name__ for t in found)


def _shown(value: Reference | Inline) -> str:
    return repr(str(value)) if isinstance(value, Reference) else f"this {value.step.get('kind')}"


def _matches(labels: Labels, exceptions: Any) -> bool:
    def one(exception: Mapping[str, Any]) -> bool:
        return all(
            labels.get(axis) in [str(v) for v in (wanted if isinstance(wanted, list) else [wanted])]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            for axis, wanted in exception.items()
        )

    return isinstance(exceptions, list) and any(one(e) for e in exceptions if isinstance(e, Mapping))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _rows_from(inputs: dict[str, list[Edge]]) -> Node | None:
    """Where the rows of a cell come from: its `rows`, else its first input that has any."""
    for edges in (inputs.get("rows", []), *inputs.values()):
        for edge in edges:
            if edge.node.rows_from is not None:
                return edge.node.rows_from
    return None
