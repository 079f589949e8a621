"""Keys: what changes them, and what does not.

The store is played: what was `built` exists, with the content that a function of its key gives.
"""

# ruff: noqa: E501
# (studies keep the line breaks that a user would write)

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.plan.conftest import HEAD
from ws_dsl.plan.environment import Environment, current
from ws_dsl.plan.planner import make_plan
from ws_dsl.plan.state import State
from ws_dsl.specs import kinds
from ws_dsl.specs.canonical import sha256
from ws_dsl.specs.source import read

CPU = Environment("cpu", "2.13", "5.23")
ITEMS = "items: {kind: items}\n"
WHOLE = (
    ITEMS + "p: {kind: parts, of: items}\n"
    "a: {kind: push, over: {strength: [1, 2]}}\n"
    "s: {kind: score, of: p, level: 0.5, over: {arm: [none, a], seed: [0, 1]}}\n"
    "m: {kind: mean, of: s.pmass, pool: seed}\n"
    "d: {kind: gap, plus: 'm[part=left]', minus: 'm[part=right]'}\n"
)

Keys = Callable[..., dict[str, str]]


def content(key: str) -> str:
    return sha256(f"content of {key}".encode())


@pytest.fixture
def keys(write: Callable[..., Path]) -> Keys:
    def keys(
        steps: str,
        environment: Environment = CPU,
        contents: Callable[[str], str] = content,
        head: str = HEAD,
        hash_path: Callable[[Path], Any] = lambda path: sha256(path.read_bytes()) if path.is_file() else None,
    ) -> dict[str, str]:
        """Key by cell, where everything was built."""

        def lookup(asked: Iterable[str]) -> dict[str, str]:
            return {key: contents(key) for key in asked}

        plan = make_plan(read(write(steps, head=head)))
        state = State(environment, lookup, hash_path)
        state.update(plan.nodes)
        return {str(node): key for node, key in state.keys.items()}

    return keys


SHIPPED = """\
claims: {kind: dataset, path: claims.jsonl, key: claim_id, columns: {claim: text, label: bool}}
halves: {kind: split, of: claims, into: {search: 0.5, verify: 0.5}, stratify: [label], seed: 0}
asked: {kind: prompts, rows: claims, user: "Is it true that {{claim}}?", over: {assistant: {yes: "Yes, it", no: "No, it"}}}
held: {kind: clamp, source: "asked[assistant=no]", at: last, sites: [L1H0]}
score: {kind: logit_diff, prompts: asked, tokens: {plus: [" Yes"], minus: [" No"]}, over: {arm: [none, held]}, except: [{assistant: no, arm: held}]}
delta: {kind: difference, plus: "score[assistant=yes]", minus: "score[assistant=no, arm=none]"}
shift: {kind: summary, of: delta, rows: "halves[split=verify]", stats: [mean]}
"""


def test_golden_table(keys: Keys, snapshot: SnapshotAssertion):
    """Same content, same key, for ever: a change makes artifacts stale and needs a new version of their kind."""
    made = keys(
        SHIPPED,
        head=HEAD.replace("{kind: made_model}", "{kind: hf_model, path: m}"),
        hash_path=lambda path: "0" * 64,
        contents=lambda key: "1" * 64,
    )
    assert {name: key for name, key in made.items() if not name.startswith("check/")} == snapshot


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("weight: 1", "weight: 1.0"),
        ("weight: 100", "weight: 1e2"),
        ("weight: -0.0", "weight: 0"),
        ("count: 16", "count: 0x10"),
        ("note: a", "note: 'a'"),
        ("note: 2026-11-21", "note: '2026-11-21'"),
        ("count: 2, note: a", "note: a, count: 2"),
        ("count: 1, weight: 1, seed: 0", ""),
        ("title: A title", "title: Another"),
        ("later: 0", ""),
    ],
)
def test_spellings_of_one_content_have_one_key(keys: Keys, one: str, other: str):
    assert keys(f"i: {{kind: items, {one}}}") == keys(f"i: {{kind: items, {other}}}")


@pytest.mark.parametrize("change", ["count: 2", "weight: 1.5", "note: x", "later: 1", "seed: 1"])
def test_every_other_field_is_in_the_key(keys: Keys, change: str):
    assert keys("i: {kind: items}")["i"] != keys(f"i: {{kind: items, {change}}}")["i"]


def test_composed_and_decomposed_letters_are_two_texts(keys: Keys):
    assert keys('i: {kind: items, note: "\\u00e9"}')["i"] != keys('i: {kind: items, note: "e\\u0301"}')["i"]


def test_whole_numbers_beyond_floats_are_told_apart(keys: Keys):
    made = {keys(f"i: {{kind: items, count: {2**53 + n}}}")["i"] for n in range(3)}
    assert len(made) == 3


def test_names_of_steps_axes_and_labels_are_in_no_key(keys: Keys):
    renamed = (
        "rows: {kind: items}\nhalf: {kind: parts, of: rows}\n"
        "arm: {kind: push, over: {strength as how: {weak: 1, strong: 2}}}\n"
        "t: {kind: score, of: half, level: 0.5, over: {arm as by: {nothing: none, held: arm}, seed as draw: {one: 0, two: 1}}}\n"
        "e: {kind: mean, of: t.pmass, pool: draw}\n"
        "f: {kind: gap, plus: 'e[part=left]', minus: 'e[part=right]'}\n"
    )
    assert sorted(keys(WHOLE).values()) == sorted(keys(renamed).values())


def test_the_order_of_keys_is_in_no_key(keys: Keys):
    shuffled = (
        "d: {minus: 'm[part=right]', plus: 'm[part=left]', kind: gap}\n"
        "m: {pool: seed, of: s.pmass, kind: mean}\n"
        "s: {over: {seed: [0, 1], arm: [none, a]}, level: 0.5, of: p, kind: score}\n"
        "a: {over: {strength: [2, 1]}, kind: push}\np: {of: items, kind: parts}\nitems: {kind: items}\n"
    )
    ours, theirs = keys(WHOLE), keys(shuffled)
    assert set(ours.values()) == set(theirs.values())


def test_another_label_leaves_the_keys_of_the_other_cells(keys: Keys):
    more = WHOLE.replace("strength: [1, 2]", "strength: [1, 2, 3]")
    ours, theirs = keys(WHOLE), keys(more)
    assert ours.items() <= theirs.items()
    assert len(theirs) > len(ours)


def test_a_changed_value_changes_its_cells_and_what_descends_from_them_alone(keys: Keys):
    ours, theirs = keys(WHOLE), keys(WHOLE.replace("strength: [1, 2]", "strength: {1: 1, 2: 5}"))
    changed = {name for name in ours if ours[name] != theirs[name]}
    assert changed == {name for name in ours if "strength=2" in name}


def test_an_input_rebuilt_to_the_same_content_makes_nothing_stale(keys: Keys):
    """Early cutoff: keys hold contents, and a change that leaves the content ends there."""
    ours = keys(WHOLE, contents=lambda key: sha256(b"the same"))
    theirs = keys(
        WHOLE.replace("{kind: items}", "{kind: items, note: other words}"),
        contents=lambda key: sha256(b"the same"),
    )
    assert {name for name in ours if ours[name] != theirs[name]} == {"items"}


def test_one_content_of_another_input_is_one_key(keys: Keys):
    def same(key: str) -> str:
        return sha256(b"the same")

    made = keys(
        "a: {kind: items}\nb: {kind: items, count: 2}\ns: {kind: score, of: a}\nt: {kind: score, of: b}",
        contents=same,
    )
    assert made["s"] == made["t"]


def test_columns_and_places_of_pooled_cells_are_in_the_key(keys: Keys):
    ours = keys(WHOLE)
    assert ours["m[arm=none, part=left]"] != keys(WHOLE.replace("s.pmass", "s"))["m[arm=none, part=left]"]
    assert ours["m[arm=none, part=left]"] != keys(WHOLE.replace("[0, 1]", "[1, 0]"))["m[arm=none, part=left]"]


def test_cells_of_an_axis_that_a_kind_makes_differ(keys: Keys):
    made = keys(WHOLE)
    assert made["p[part=left]"] != made["p[part=right]"]


def test_external_files_enter_by_content(keys: Keys, tmp_path: Path):
    import os

    steps = "i: {kind: items, path: a.txt}"
    (tmp_path / "a.txt").write_text("one")
    first = keys(steps)["i"]
    os.utime(tmp_path / "a.txt", (0, 0))
    assert keys(steps)["i"] == first
    (tmp_path / "b.txt").write_text("one")
    assert keys("i: {kind: items, path: b.txt}")["i"] == first
    (tmp_path / "a.txt").write_text("two")
    assert keys(steps)["i"] != first


def test_what_needs_a_file_that_is_not_there_has_no_key(keys: Keys):
    made = keys("i: {kind: items, path: no.txt}\ns: {kind: score, of: i}\nj: {kind: items}")
    assert set(made) == {"model", "j"}


def test_text_of_a_file_is_the_text_itself(keys: Keys, tmp_path: Path):
    (tmp_path / "note.txt").write_bytes("two\r\nlines é\n".encode())
    from_file = keys("i: {kind: items, note: {file: note.txt}}")["i"]
    assert from_file == keys('i: {kind: items, note: "two\\r\\nlines é\\n"}')["i"]


@pytest.mark.parametrize("part", ["device", "torch", "transformers"])
def test_the_environment_is_in_the_keys_of_what_computes_alone(keys: Keys, part: str):
    ours, theirs = keys(WHOLE), keys(WHOLE, CPU._replace(**{part: "another"}), contents=content)
    same_inputs = {name for name in ours if name.startswith(("items", "p[", "a[", "model"))}
    assert all(ours[name] == theirs[name] for name in same_inputs)
    assert all(ours[name] != theirs[name] for name in ours if name.startswith("s["))


def test_the_version_of_peft_is_in_the_keys_of_what_is_trained_alone(keys: Keys):
    steps = WHOLE + "t: {kind: tuned}\n"
    ours, theirs = keys(steps), keys(steps, CPU._replace(peft="0.21"))
    assert {name for name in ours if ours[name] != theirs[name]} == {"t"}


def test_the_environment_is_that_of_the_installed_packages():
    import importlib.metadata

    for package in ("torch", "transformers", "peft"):
        installed = importlib.metadata.version(package).split(".")[:2]
        assert getattr(current(), package) == ".".join(installed)
    assert current("cuda:1").device == "cuda"


def test_the_source_of_a_kind_of_ones_own_is_in_its_key(tmp_path: Path, keys: Keys):
    folder = tmp_path / "kinds"
    folder.mkdir()
    source = (
        "from ws_dsl.specs import types\nfrom ws_dsl.specs.kind import Kind\n"
        "class Mine(Kind[types.Rows]):\n    count: int = 1\nversion = 1\ndef run(cells, context): ...\n"
    )
    head = HEAD.replace("made_model", "organism")

    def key(text: str) -> Any:
        (folder / "mine.py").write_text(text, encoding="utf-8")
        kinds.use_folder(folder)
        return keys("i: {kind: mine}", head=head)["i"]

    first = key(source)
    assert key(source + "# other\n") != first
    assert key(source.replace("version = 1", "version = 2")) != first
    assert key(source) == first
