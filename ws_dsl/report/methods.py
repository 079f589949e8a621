"""Methods of a page, written from the plan and the manifests: nothing in them is typed by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ws_dsl.artifacts.sites import Sites
from ws_dsl.plan.node import Node, address
from ws_dsl.report.account import (
    ArmView,
    AxisView,
    MethodView,
    ModelView,
    PromptView,
    RowSetView,
    SearchView,
    SeedView,
    StepView,
    TokenSetView,
)
from ws_dsl.report.frames import Results
from ws_dsl.report.quantity import Labels
from ws_dsl.specs import types
from ws_dsl.specs.documentation import sections
from ws_dsl.specs.kind import seed_scope

ROLES = ("system", "user", "assistant", "reply", "text")
_FEW = 4
_BOOTSTRAP = (
    "Intervals are 95 % percentile intervals of 2,000 bootstrap draws of the unit of resampling (the row key "
    "unless the data set names another). The draws follow from the identity of the rows, so that statistics "
    "of one row set stay paired when they are subtracted or divided."
)


def methods(results: Results) -> MethodView:
    """How the results of a study were made."""
    nodes = [node for node in results.plan.nodes if not node.step.startswith("check/")]
    by_step: dict[str, list[Node]] = {}
    for node in nodes:
        by_step.setdefault(node.step, []).append(node)
    return MethodView(
        models=tuple(_model(node, results) for node in nodes if types.Model in node.types),
        prompts=tuple(_prompt(node, results) for node in nodes if node.kind.name == "prompts"),
        tokens=tuple(_token_sets(nodes)),
        steps=tuple(_step(name, members, results) for name, members in by_step.items()),
        bootstrap=_BOOTSTRAP if any(types.Estimate in node.types for node in nodes) else "",
        selections={name: text for name, text in results.plan.spec.steps.items() if isinstance(text, str)},
        row_sets=tuple(_row_sets(nodes, results)),
        searches=tuple(_searches(nodes, results)),
        arms=tuple(_arms(nodes, results)),
        seeds=tuple(_seeds(by_step)),
        excluded=tuple(_excluded(nodes, results)),
    )


def _model(node: Node, results: Results) -> ModelView:
    model = results.open(node)
    run = [model.dtype, *([f"{model.bits} bits"] if model.bits else [])]
    run += ["TransformerLens"] if model.backend == "transformer_lens" else []
    return ModelView(node.step, model.title, model.world, ", ".join(run), results.state.digests[node])


def _prompt(node: Node, results: Results) -> PromptView:
    prompts = results.open(node)
    template = {role: text for role in ROLES if (text := getattr(node.spec, role)) is not None}
    return PromptView(node.step, node.labels, template, prompts.columns["text"][0], len(prompts))


def _token_sets(nodes: Sequence[Node]) -> list[TokenSetView]:
    """Every token set of every step, under the labels that tell it from others of its step."""
    found: dict[str, dict[tuple[tuple[str, ...], tuple[str, ...]], list[dict[str, str]]]] = {}
    for node in nodes:
        tokens = getattr(node.spec, "tokens", None)
        if tokens is not None:
            sides = (tuple(tokens.plus), tuple(tokens.minus))
            found.setdefault(node.step, {}).setdefault(sides, []).append(node.labels)
    views: list[TokenSetView] = []
    for step, sets in found.items():
        for (plus, minus), cells in sets.items():
            own = {
                axis: label for axis, label in cells[0].items() if all(c.get(axis) == label for c in cells)
            }
            others = [c for sides, several in sets.items() if sides != (plus, minus) for c in several]
            telling = [label for axis, label in own.items() if any(c.get(axis) != label for c in others)]
            views.append(TokenSetView(step, " · ".join(telling), plus, minus))
    return views


def _step(name: str, nodes: Sequence[Node], results: Results) -> StepView:
    kind = nodes[0].kind
    spec = results.plan.spec
    plain = spec.model if name == "model" else spec.steps.get(name, {})
    written: Mapping[str, Any] = {} if isinstance(plain, str) else plain
    return StepView(
        name,
        kind.name,
        kind.version,
        kind.verb,
        sections(kind.documentation),
        _fields(nodes, results),
        _inputs(nodes, written),
        tuple(_axes(name, nodes, written, results)),
        line(written["except"]) if "except" in written else "",
        len(nodes),
        tuple(_rows_of(nodes, results)),
    )


def _fields(nodes: Sequence[Node], results: Results) -> dict[str, str]:
    """Every validated field: one value, or one per label where they differ; templates are told elsewhere."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for node in nodes for name in (*node.params, *node.files)):
        if nodes[0].kind.name == "prompts" and name in ROLES:
            continue
        values = [_value(node, name, results) for node in nodes]
        if any(value is not None for value in values):
            found[name] = _told(nodes, values)
    return found


def _value(node: Node, name: str, results: Results) -> str | None:
    """A field of one cell; of a file, its name and the digest of its content."""
    if name not in node.files:
        value = node.params.get(name)
        return None if value is None else line(value)
    content = results.state.derivations[node]["params"][name]
    if isinstance(content, str):
        return f"{node.files[name].name}, SHA-256 {content}"
    return ", ".join(f"{file} {one[:12]}" for file, one in content.items())


def _told(nodes: Sequence[Node], values: Sequence[str | None]) -> str:
    """Values of all cells in one line: by the labels of the axes that they follow."""
    if len(set(values)) == 1:
        return values[0] or ""
    if any(
        all(value == node.labels.get(axis) for node, value in zip(nodes, values, strict=True))
        for axis in nodes[0].labels
    ):
        return "as its label"
    for axis in nodes[0].labels:
        by_label: dict[str | None, set[str | None]] = {}
        for node, value in zip(nodes, values, strict=True):
            by_label.setdefault(node.labels.get(axis), set()).add(value)
        if all(len(several) == 1 for several in by_label.values()):
            told = {label: next(iter(several)) for label, several in by_label.items()}
            return "; ".join(f"{axis}={label}: {value}" for label, value in told.items())
    return "; ".join(
        f"{address('', node.labels)}: {value}" for node, value in zip(nodes, values, strict=True)
    )


def _inputs(nodes: Sequence[Node], written: Mapping[str, Any]) -> dict[str, str]:
    """What a step reads by field: as written, else the steps behind it."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for node in nodes for name in node.inputs):
        steps = dict.fromkeys(edge.node.step for node in nodes for edge in node.inputs.get(name, []))
        if not steps:
            continue
        text = written.get(name)
        found[name] = text if isinstance(text, str) else ", ".join(steps)
    return found


def _axes(
    name: str, nodes: Sequence[Node], written: Mapping[str, Any], results: Results
) -> Iterable[AxisView]:
    declared = set(_declared(written))
    for axis, labels in results.plan.relations[name].axes.items() if name in results.plan.relations else ():
        origin = "kind" if any(axis in node.made for node in nodes) else "inputs"
        yield AxisView(axis, tuple(labels), "over" if axis in declared else origin)


def _declared(written: Mapping[str, Any]) -> Iterable[str]:
    """Axes that a step declares, those nested in a label included."""
    for field, labels in written.get("over", {}).items():
        yield field.rpartition(" as ")[2]
        for patch in labels.values() if isinstance(labels, dict) else ():  # pyright: ignore[reportUnknownVariableType]
            if isinstance(patch, dict):
                yield from _declared(patch)  # pyright: ignore[reportUnknownArgumentType]


def _rows_of(nodes: Iterable[Node], results: Results) -> dict[tuple[int, str], None]:
    found: dict[tuple[int, str], None] = {}
    for node in nodes:
        facts = results.facts(node)
        if "row_set" in facts:
            found[int(facts.get("rows", facts.get("n", 0))), str(facts["row_set"])] = None
    return found


def _row_sets(nodes: Sequence[Node], results: Results) -> Iterable[RowSetView]:
    rows: dict[str, int] = {}
    defined: dict[str, list[Node]] = {}
    used: dict[str, dict[str, None]] = {}
    for node in nodes:
        for count, digest in _rows_of([node], results):
            rows[digest] = max(rows.get(digest, 0), count)
            if types.Rows in node.types:
                defined.setdefault(digest, []).append(node)
            else:
                used.setdefault(digest, {})[node.step] = None
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for digest in rows:
        steps = tuple(dict.fromkeys(node.step for node in defined.get(digest, ())))
        alike.setdefault((steps, tuple(used.get(digest, ()))), []).append(digest)
    for (steps, by), digests in alike.items():
        if len(digests) > _FEW:
            yield RowSetView(tuple(digests), tuple(rows[one] for one in digests), steps, by)
            continue
        for one in digests:
            cells = tuple(str(node) for node in defined.get(one, ()))
            yield RowSetView((one,), (rows[one],), cells, by)


def _searches(nodes: Iterable[Node], results: Results) -> Iterable[SearchView]:
    """Searches for components, one per ranking: its ranks are cells of one search."""
    found: dict[tuple[str, str], list[tuple[Node, Sites]]] = {}
    for node in nodes:
        if types.Sites in node.types and node.made:
            sites: Sites = results.open(node)
            if "searched" in sites.notes:
                found.setdefault((node.step, line(_without(node))), []).append((node, sites))
    for (step, _), members in found.items():
        node, sites = members[0]
        notes: dict[str, Any] = sites.notes
        kept = sum(len(one.addresses) for _, one in members)
        among, score = str(notes.get("among", "components")), str(notes.get("score", ""))
        rows = int(notes.get("rows", 0))
        searched = int(notes["searched"])
        best = tuple(address for _, one in members for address in one.addresses)
        yield SearchView(step, _without(node), among, searched, kept, rows, score, best)


def _arms(nodes: Iterable[Node], results: Results) -> Iterable[ArmView]:
    for node in nodes:
        if types.Arm in node.types:
            changes: list[dict[str, Any]] = list(results.facts(node).get("changes", ()))
            for change in changes:
                sites = tuple(map(str, change["sites"]))
                at = line(change["at"])
                yield ArmView(node.step, node.labels, str(change["operation"]), at, sites)


def _without(node: Node) -> Labels:
    return {axis: label for axis, label in node.labels.items() if axis not in node.made}


def _seeds(by_step: Mapping[str, Sequence[Node]]) -> Iterable[SeedView]:
    for name, nodes in by_step.items():
        kind = nodes[0].kind.spec
        for field in kind.model_fields:
            scope = seed_scope(kind, field)
            if scope is not None:
                seeds = {getattr(node.spec, field) for node in nodes}
                drawn = tuple(sorted(seed for seed in seeds if isinstance(seed, int)))
                if drawn:
                    yield SeedView(name, scope, drawn)


def _excluded(nodes: Iterable[Node], results: Results) -> Iterable[tuple[str, int, dict[str, int]]]:
    cells: dict[tuple[str, tuple[tuple[str, int], ...]], int] = {}
    for node in nodes:
        status: dict[str, int] = dict(results.facts(node).get("status", {}))
        left = tuple((name, count) for name, count in status.items() if name != "ok" and count)
        if left:
            cells[node.step, left] = cells.get((node.step, left), 0) + 1
    for (step, left), count in cells.items():
        yield step, count, dict(left)


def line(value: Any) -> str:
    """A value as one line of YAML."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
