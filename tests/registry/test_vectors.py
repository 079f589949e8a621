"""What is near, by LanceDB, is what is near by all the stored bytes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.registry.directions import (
    MODEL,
    QUERY,
    WIDTH,
    agrees,
    ask,
    brute_force,
    build_draft,
    build_vectors,
    files_of,
    fill,
    table_of,
)
from ws_dsl.registry.vector_table import row_id
from ws_dsl.registry.vectors import Neighbours, VectorIndex, layer_of, vector_sets

# What is near


@pytest.mark.parametrize("limit", [1, 7, 24, 100])
def test_near_is_what_brute_force_finds(made, limit):
    answer = VectorIndex(made).near(QUERY, limit, {})
    assert agrees(answer, brute_force(made)[:limit])
    assert answer.searched == 24 and answer.damaged == []


def test_filters_are_those_of_the_columns(made):
    told = {one.key: one for one in vector_sets(made)}
    keys = sorted(told)[:5]
    index = VectorIndex(made)
    answer = index.near(QUERY, 100, {"layer": [1, 2], "label": ["v1"], "model": [MODEL], "key": keys})
    expected = [
        one
        for one in brute_force(made)
        if one[0] in keys and told[one[0]].layer in (1, 2) and told[one[0]].labels[one[1]] == "v1"
    ]
    assert agrees(answer, expected) and answer.searched == len(expected)
    assert index.near(QUERY, 100, {"method": ["pca_diff"]}).found == []
    assert index.near(QUERY, 100, {"key": []}).found == []


def test_one_vector_can_be_left_out(made):
    expected = brute_force(made)
    answer = VectorIndex(made).near(QUERY, 3, {}, row_id(*expected[0][:2]))
    assert agrees(answer, expected[1:4]) and answer.searched == 23


@pytest.mark.parametrize("label", ["it's", '"', "a; DROP TABLE x", "−½ ☃", "%", ""])
def test_labels_may_be_any_text(store, label):
    (manifest,) = store.commit([build_draft("odd", build_vectors(1, labels=[label, "other"]))])
    answer = VectorIndex(store).near(QUERY, 5, {"label": [label]})
    assert [one[:2] for one in answer.found] == [(manifest.key, 0)]


def test_widths_do_not_meet(store):
    store.commit([build_draft("narrow", build_vectors(1, width=8)), build_draft("wide", build_vectors(2))])
    index = VectorIndex(store)
    assert index.near(QUERY, 9, {}).searched == 2
    assert index.near(np.ones(8, np.float32), 9, {}).searched == 2
    assert index.near(np.ones(9, np.float32), 9, {}) == Neighbours([], 0, [])


def test_a_vector_of_zeros_is_near_nothing(store):
    values = np.stack([np.zeros(WIDTH), np.ones(WIDTH)]).astype(np.float32)
    store.commit([build_draft("zeros", build_vectors(1, values=values))])
    for _ in range(2):
        answer = VectorIndex(store).near(QUERY, 9, {})
        assert [one.place for one in answer.found] == [1] and answer.searched == 1


@pytest.mark.parametrize("scale", [1e-15, 1e15])
def test_length_does_not_matter(store, scale):
    first = build_vectors(3)
    store.commit([build_draft("one", build_vectors(3, values=(first.values * scale).astype(np.float32)))])
    assert agrees(VectorIndex(store).near(QUERY, 9, {}), brute_force(store))


def test_equal_vectors_come_in_the_order_of_their_keys(store):
    same = np.tile(QUERY, (2, 1))
    store.commit([build_draft(f"same {n}", build_vectors(n, values=same)) for n in range(12)])
    answer = VectorIndex(store).near(QUERY, 5, {})
    assert agrees(answer, brute_force(store)[:5])
    assert [one[:2] for one in answer.found] == sorted(one[:2] for one in answer.found)


def test_near_nothing_leaves_no_trace(store):
    assert VectorIndex(store).near(QUERY, 5, {}) == Neighbours([], 0, [])
    assert not (store.root / "vectors").exists()


def test_sets_are_told_from_the_manifests(made):
    (one,) = [one for one in vector_sets(made) if one.site == "L3" and one.kind == "mean_diff"][:1]
    stored = VectorIndex(made).vectors(one.key)
    assert (one.layer, one.at, one.model, one.width, one.mean_norm) == (3, "last", MODEL, WIDTH, 2.5)
    assert one.norms == pytest.approx(stored.norms()) and one.labels == stored.labels


def test_layers_follow_from_sites():
    assert [layer_of(site) for site in ("L13", "blocks.2.hook_mlp_out", "embed", "my place")] == [
        13,
        2,
        None,
        None,
    ]


# What was committed, removed or made anew is seen


def test_what_is_committed_later_is_found(filled):
    fill(filled.root, 3, 12)
    assert agrees(ask(filled, 30), brute_force(filled)) and ask(filled).searched == 30


def test_what_is_gone_is_not_found(filled):
    gone = brute_force(filled)[0][0]
    filled.layout.manifest(gone).unlink()
    answer = ask(filled, 30)
    assert gone not in {one.key for one in answer.found} and answer.searched == 22


def test_what_was_made_anew_is_found_with_its_new_values(filled):
    key = brute_force(filled)[0][0]
    filled.layout.manifest(key).unlink()
    name = next(f"set {n}" for n in range(12) if build_draft(f"set {n}", build_vectors(n)).key == key)
    filled.commit([build_draft(name, build_vectors(77, count=3))])
    assert agrees(ask(filled, 30), brute_force(filled)) and ask(filled).searched == 25


def test_a_second_look_writes_nothing(filled):
    before = {path: path.stat().st_mtime_ns for path in files_of(filled, "*.lance/**/*")}
    ask(filled)
    assert {path: path.stat().st_mtime_ns for path in files_of(filled, "*.lance/**/*")} == before


def test_many_small_writes_are_joined(store):
    for n in range(20):
        fill(store.root, 1, n)
        ask(store)
    held = table_of(store).read()
    assert len(held) == 20
    assert (
        len(table_of(store)._table.stats()) and len(files_of(store, "*.manifest")) > 20
    )  # old versions stay
    assert table_of(store)._table.stats()["fragment_stats"]["num_small_fragments"] <= 17
    assert agrees(ask(store, 50), brute_force(store))
