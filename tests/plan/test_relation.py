"""Laws of axes: selecting, renaming, pooling and joining cells, against a join that tries every pair."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ws_dsl.plan.relation import AxisError, Entry, Group, Join, Joined, Labels, Relation, pool, view
from ws_dsl.specs import types
from ws_dsl.specs.reference import Reference, parse

AXES = ("a", "b", "c")
LABELS = ("x", "y", "z")


def seen(relation: Relation, reference: Reference) -> Relation:
    """A view without choices."""
    return view(relation, reference, lambda cells, item: cells)


@st.composite
def relations(draw: st.DrawFn, ragged: bool = True) -> Relation:
    """Cells over up to three axes; each cell may lack the last axis."""
    axes = draw(st.lists(st.sampled_from(AXES), unique=True, max_size=3))
    found = {axis: draw(st.lists(st.sampled_from(LABELS), unique=True, min_size=1)) for axis in axes}
    cells = [dict(zip(axes, labels, strict=True)) for labels in product(*found.values())]
    if ragged and len(axes) > 1 and draw(st.booleans()):
        outer, inner = axes[0], axes[-1]
        bare = draw(st.sampled_from(found[outer]))
        kept = [{k: v for k, v in c.items() if k != inner} if c[outer] == bare else c for c in cells]
        cells = [dict(c) for c in dict.fromkeys(tuple(c.items()) for c in kept)]
    used = {axis: dict.fromkeys(c[axis] for c in cells if axis in c) for axis in axes}
    return Relation(
        (types.Table,),
        {axis: {label: label for label in labels} for axis, labels in used.items() if labels},
        [Entry(labels, None) for labels in cells],
    )


def shown(relation: Relation) -> set[frozenset[tuple[str, str]]]:
    return {frozenset(entry.labels.items()) for entry in relation.entries}


def groups(relation: Relation) -> list[Group]:
    return [Group(entry.labels, []) for entry in relation.entries]


def joined(*inputs: Relation, own: Labels | None = None) -> Join:
    join = Join([Joined(own or {}, {}, {})], {axis: {label: label} for axis, label in (own or {}).items()})
    for name, relation in zip("pqr", inputs, strict=False):
        join.add(name, groups(relation), relation.axes, relation.dropped)
    return join


def pairs(*inputs: Relation) -> set[frozenset[tuple[str, str]]]:
    """What a join is: the unions of all cells that agree on every axis that both have."""
    found: list[Labels] = [{}]
    for relation in inputs:
        found = [
            {**left, **entry.labels}
            for left in found
            for entry in relation.entries
            if all(left.get(axis, label) == label for axis, label in entry.labels.items())
        ]
    return {frozenset(labels.items()) for labels in found}


@given(relations(), relations())
def test_a_join_is_all_pairs_that_agree(left: Relation, right: Relation):
    try:
        join = joined(left, right)
    except AxisError:
        assume(False)
        raise
    assert {frozenset(cell.labels.items()) for cell in join.cells} == pairs(left, right)


@given(relations(), relations())
def test_a_join_has_the_same_cells_from_either_side(left: Relation, right: Relation):
    def outcome(*inputs: Relation) -> object:
        try:
            return {frozenset(cell.labels.items()) for cell in joined(*inputs).cells}
        except AxisError as error:
            return error.code

    assert outcome(left, right) == outcome(right, left)


@given(relations(), relations())
def test_a_join_refuses_exactly_cells_without_partner_and_cells_made_twice(left: Relation, right: Relation):
    agree = [
        (i, j)
        for i, one in enumerate(left.entries)
        for j, other in enumerate(right.entries)
        if all(one.labels.get(axis, label) == label for axis, label in other.labels.items())
    ]
    alone = {i for i, _ in agree} != set(range(len(left.entries))) or {j for _, j in agree} != set(
        range(len(right.entries))
    )
    twice = len(pairs(left, right)) < len(agree)
    try:
        joined(left, right)
        code = ""
    except AxisError as error:
        code = error.code
    assert code == ("no-partner" if alone else "duplicate-cell" if twice else "")


@given(relations(ragged=False))
def test_shared_axes_zip_and_others_cross(relation: Relation):
    assert len(joined(relation, relation).cells) == len(relation.entries)
    other = relation
    for axis in relation.axes:
        other = seen(other, parse(f"r[{axis} as {axis}2]"))
    assert len(joined(relation, other).cells) == len(relation.entries) ** 2


@given(relations())
def test_what_has_no_axes_is_broadcast(relation: Relation):
    single = Relation((types.Table,), {}, [Entry({}, None)])
    assert {frozenset(c.labels.items()) for c in joined(single, relation).cells} == shown(relation)


@given(relations(), st.data())
def test_selecting_and_renaming_commute_where_they_are_independent(relation: Relation, data: st.DataObject):
    assume(len(relation.axes) >= 2)
    chosen, renamed = data.draw(st.permutations(list(relation.axes)))[:2]
    label = data.draw(st.sampled_from(list(relation.axes[chosen])))
    first = seen(relation, parse(f"r[{chosen}={label}]"))
    assume(renamed in first.axes)
    ways = [f"r[{chosen}={label}, {renamed} as new]", f"r[{renamed} as new, {chosen}={label}]"]
    assert len({str(sorted(map(sorted, shown(seen(relation, parse(way)))))) for way in ways}) == 1


@given(relations(), st.data())
def test_a_selection_keeps_the_cells_with_its_labels_and_no_other(relation: Relation, data: st.DataObject):
    assume(relation.axes)
    axis = data.draw(st.sampled_from(list(relation.axes)))
    known = list(relation.axes[axis])
    for size in range(2, len(known) + 1):
        for labels in combinations(known, size):
            found = seen(relation, parse(f"r[{axis}={'|'.join(labels)}]"))
            expected = [entry.labels for entry in relation.entries if entry.labels.get(axis) in labels]
            assert [entry.labels for entry in found.entries] == expected
            assert list(found.axes[axis]) == list(labels)
    for label in known:
        one = seen(relation, parse(f"r[{axis}={label}]"))
        assert axis not in one.axes
        assert all(axis not in entry.labels for entry in one.entries)
        if len(known) > 1:
            rest = seen(relation, parse(f"r[{axis}!={label}]"))
            assert len(one.entries) + len(rest.entries) == sum(axis in e.labels for e in relation.entries)


@given(relations(), st.data())
def test_pooling_puts_every_cell_into_one_group(relation: Relation, data: st.DataObject):
    taken = data.draw(st.lists(st.sampled_from(AXES), unique=True))
    nodes = [object() for _ in relation.entries]
    entries = [Entry(e.labels, node) for e, node in zip(relation.entries, nodes, strict=True)]  # pyright: ignore[reportArgumentType]
    found, axes = pool(Relation(relation.types, relation.axes, entries), taken, "pmass", False)
    assert sorted(id(edge.node) for group in found for edge in group.edges) == sorted(map(id, nodes))
    assert all(not set(group.labels) & set(taken) for group in found)
    assert list(axes) == [axis for axis in relation.axes if axis not in taken]
    assert len({tuple(sorted(group.labels.items())) for group in found}) == len(found)
    assert all(edge.column == "pmass" for group in found for edge in group.edges)


def test_places_along_pooled_axes_follow_the_declared_order():
    axes = {"a": {"y": "y", "x": "x"}, "b": {"u": "u", "v": "v"}}
    cells = [{"a": a, "b": b} for b in "vu" for a in "xy"]
    nodes = [object() for _ in cells]
    entries = [Entry(labels, node) for labels, node in zip(cells, nodes, strict=True)]  # pyright: ignore[reportArgumentType]
    (group,), _ = pool(Relation((types.Table,), axes, entries), ["b", "a"], None, True)
    assert [edge.node for edge in group.edges] == nodes
    assert [edge.pooled for edge in group.edges] == [("yx".index(c["a"]), "uv".index(c["b"])) for c in cells]
    assert [dict(edge.labels) for edge in group.edges] == cells
    (silent,), _ = pool(Relation((types.Table,), axes, entries), ["b", "a"], None, False)
    assert all(edge.labels == () for edge in silent.edges)


def test_joined_labels_stand_for_one_thing():
    left = Relation((types.Table,), {"a": {"x": "one"}}, [Entry({"a": "x"}, None)])
    right = Relation((types.Table,), {"a": {"x": "two"}}, [Entry({"a": "x"}, None)])
    with pytest.raises(AxisError, match="stands for two things") as caught:
        joined(left, right)
    assert caught.value.code == "ambiguous-axis"


def test_a_partner_that_is_excepted_drops_the_cell_and_lists_it():
    axes = {"a": {"x": "x", "y": "y"}}
    whole = Relation((types.Table,), axes, [Entry({"a": "x"}, None), Entry({"a": "y"}, None)])
    part = Relation((types.Table,), axes, [Entry({"a": "x"}, None)], [{"a": "y"}])
    for inputs in ((whole, part), (part, whole)):
        join = joined(*inputs)
        assert [cell.labels for cell in join.cells] == [{"a": "x"}]
        assert {"a": "y"} in join.dropped
