"""Every mistake is told at its place: `«` stands before each text that is wrong, in the order of the codes."""

# ruff: noqa: E501
# (studies keep the line breaks that a user would write)

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plan.conftest import HEAD
from ws_dsl.errors import SpecError
from ws_dsl.plan.planner import make_plan
from ws_dsl.specs.source import read

ITEMS = "items: {kind: items}\n"
SCORED = ITEMS + "s: {kind: score, of: items, over: {level: [1, 2]}}\nm: {kind: mean, of: s}\n"

FIELDS = {
    "unknown fields and a missing one": (
        ITEMS + "«s: {kind: score, «off: items, «levl: 2}",
        "missing-field unknown-field unknown-field",
    ),
    "unknown kind": (ITEMS + "s: {«kind: scor, of: items}", "unknown-kind"),
    "no kind": ("«s: {of: items}", "missing-field"),
    "kind is a list": ("s: {«kind: [a]}", "unknown-kind"),
    "text for a number": (ITEMS + "s: {kind: score, of: items, «level: much}", "wrong-value"),
    "quoted number": (ITEMS + 's: {kind: score, of: items, «level: "1"}', "wrong-value"),
    "true for a number": (ITEMS + "s: {kind: score, of: items, «level: true}", "wrong-value"),
    "fraction for a whole number": ("s: {kind: items, «count: 1.5}", "wrong-value"),
    "number for text": ("s: {kind: items, «note: 3}", "wrong-value"),
    "null for a number": ("s: {kind: items, «count: null}", "wrong-value"),
    "mapping for a list": (ITEMS + "s: {kind: score, of: items, «tokens: {a: 1}}", "wrong-value"),
    "wrong item of a list": (ITEMS + "s: {kind: score, of: items, tokens: [a, «2]}", "wrong-value"),
    "number for a reference": ("s: {kind: score, «of: 3}", "wrong-value"),
    "list for a reference": (ITEMS + "s: {kind: score, «of: [items]}", "wrong-value"),
    "text of a file that is not there": ("s: {kind: items, «note: {file: no/such.txt}}", "missing-file"),
    "a step that is nothing, and one that is a number": ("«a:\n«b: 3", "wrong-value wrong-value"),
    "a check as a step": (ITEMS + "s: {«kind: disjoint, rows: items}", "wrong-type"),
    "rows where nothing is restricted": (ITEMS + "s: {kind: items, «rows: items}", "unknown-field"),
    "rows of what is no Rows": (SCORED + "t: {kind: mean, of: s, «rows: m}", "wrong-type"),
    "a loop": (ITEMS + "s: {kind: score, of: items, «until: {read: m}}", "not-available"),
    "rounds": (ITEMS + "s: {kind: score, of: items, over: {«seed as round: [1, 2]}}", "not-available"),
    "a seed that follows an axis": (
        ITEMS + "s: {kind: score, of: items, «seed: {axis: draw}}",
        "unknown-axis",
    ),
}

REFERENCES = {
    "missing": (ITEMS + "s: {kind: score, «of: itms}", "missing-reference"),
    "not closed": (ITEMS + "s: {kind: score, «of: 'items[x'}", "wrong-value"),
    "no selection": (ITEMS + "«s: 'items[a b]'", "bad-reference"),
    "no choice": (ITEMS + "«s: 'items[best]'", "missing-reference"),
    "in a circle": ("a: 'b'\n«b: 'a'", "cycle"),
    "to itself": ("s: {kind: score, «of: s}", "cycle"),
    "in a circle of three": (
        "a: {kind: parts, of: b}\nb: {kind: parts, of: c}\nc: {kind: parts, «of: a}",
        "cycle",
    ),
    "wrong type": (SCORED + "t: {kind: score, «of: s, «arm: items}", "wrong-type wrong-type"),
    "a Table against an Estimate": (SCORED + "t: {kind: gap, plus: s, «minus: m}", "wrong-type"),
    "rows of Estimates": (SCORED + "t: {kind: gap, plus: m, minus: m, «rows: items}", "wrong-type"),
    "column of a model": (ITEMS + "s: {kind: score, of: items, «arm: model.size}", "wrong-type"),
    "axis that does not exist": (SCORED + "t: {kind: mean, «of: 's[levl=1]'}", "unknown-axis"),
    "label that does not exist": (SCORED + "t: {kind: mean, «of: 's[level=3]'}", "unknown-label"),
    "nothing selected": (
        SCORED + "t: {kind: parts, of: items}\nu: {kind: mean, «of: 's[level!=1|2]'}",
        "empty-selection",
    ),
    "rename onto an axis in use": (SCORED + "t: {kind: mean, «of: 's[level as level]'}", "axis-taken"),
    "reserved names": ("«model: {kind: items}\n«none: {kind: push}", "reserved-name reserved-name"),
}

AXES = {
    "over is a list": (ITEMS + "s: {kind: score, of: items, «over: [level]}", "bad-over"),
    "over is text": (ITEMS + "s: {kind: score, of: items, «over: level}", "bad-over"),
    "one value alone": (ITEMS + "s: {kind: score, of: items, over: {«level: 1}}", "bad-over"),
    "no value": (ITEMS + "s: {kind: score, of: items, over: {«level: []}}", "bad-over"),
    "no such field": (ITEMS + "s: {kind: score, of: items, over: {«levl: [1, 2]}}", "unknown-field"),
    "no patch": (ITEMS + "s: {kind: score, of: items, over: {«cond: {a: 1}}}", "unknown-field"),
    "unknown field in a patch": (
        ITEMS + "s: {kind: score, of: items, over: {cond: {a: {level: 1}, b: {«levl: 2}}}}",
        "unknown-field",
    ),
    "wrong value under a label": (
        ITEMS + "s:\n  kind: score\n  of: items\n  over:\n    level: {low: 1, «high: much}",
        "wrong-value",
    ),
    "wrong values in patches and in an over inside one": (
        ITEMS
        + "s:\n  kind: score\n  of: items\n  over:\n    cond:\n"
        + "      a: {over: {level: {low: 1, «high: much}}}\n      b: {level: 2, «tokens: 3}",
        "wrong-value wrong-value",
    ),
    "a list without labels": (
        ITEMS + "s: {kind: score, of: items, over: {tokens: [«[a], [b]]}}",
        "no-label",
    ),
    "a label that no reference could name": (
        ITEMS + "s: {kind: score, of: items, over: {level: {«'a,b': 1}}}",
        "no-label",
    ),
    "a label twice": (ITEMS + "s: {kind: score, of: items, over: {level: [1, «'1']}}", "duplicate-label"),
    "no name of an axis": (
        ITEMS + "s: {kind: score, of: items, over: {«level as my axis: [1]}}",
        "bad-name",
    ),
    "an axis twice": (
        ITEMS + "s: {kind: score, of: items, over: {level: [1], «seed as level: [2]}}",
        "axis-taken",
    ),
    "pool": (SCORED + "t: {kind: mean, of: s, pool: [level, «part]}", "unknown-axis"),
    "pool is a mapping": (SCORED + "t: {kind: mean, of: s, «pool: {level: 1}}", "wrong-value"),
    "consumed": (SCORED + "t: {kind: spread, of: m, «across: levl}", "unknown-axis"),
    "except an axis and labels that do not exist": (
        ITEMS
        + "s: {kind: score, of: items, over: {level: [1, 2]}, except: [{«levl: 1}, {«level: 3}, {level: 1}]}",
        "unknown-axis unknown-label",
    ),
    "except is a mapping": (
        ITEMS + "s: {kind: score, of: items, over: {level: [1, 2]}, «except: {level: 1}}",
        "wrong-value",
    ),
    "except a number": (
        ITEMS + "s: {kind: score, of: items, over: {level: [1, 2]}, except: [«1]}",
        "wrong-value",
    ),
    "except everything": (
        ITEMS + "s: {kind: score, of: items, over: {level: [1, 2]}, «except: [{level: [1, 2]}]}",
        "empty-step",
    ),
    "a seed of one scope against another's": (
        "i: {kind: items, over: {seed: [0, 1]}}\ns: {kind: score, ««of: i, over: {seed: [0, 1]}}",
        "ambiguous-axis ambiguous-axis",
    ),
    "seeds of two scopes in patches": (
        "i: {kind: items, over: {run: {x: {seed: 0}}}}\ns: {kind: score, «of: i, over: {run: {x: {seed: 0}}}}",
        "ambiguous-axis",
    ),
    "a label that stands for two things": (
        SCORED
        + "t: {kind: score, of: items, over: {level: {1: 7, 2: 8}}}\ng: {kind: gap, plus: s, «minus: t}",
        "ambiguous-axis",
    ),
    "cells without a partner": (
        SCORED + "t: {kind: score, of: items, over: {level: [1]}}\ng: {kind: gap, plus: s, «minus: t}",
        "no-partner",
    ),
    "an input with a label that the step's own axis lacks": (
        "i: {kind: push, over: {strength as level: [1, 2, 3]}}\n"
        + ITEMS
        + "s: {kind: score, of: items, «arm: i, over: {level: [1, 2]}}",
        "no-partner",
    ),
    "members of a stack": (
        ITEMS + "a: {kind: push}\ns: {kind: stack, axis: arm, of: {x: a, «y: items}}",
        "wrong-type",
    ),
    "a column of a stack": (
        SCORED + "t: {kind: stack, axis: side, of: {x: s, «y: 's[level=1].value'}}",
        "bad-reference",
    ),
    "a column of a view": (SCORED + "«v: s.value", "bad-reference"),
    "a column of rows as a view": (ITEMS + "«v: items.key", "bad-reference"),
    "a stack of nothing": ("«s: {kind: stack, axis: arm}", "wrong-value"),
}

INLINE = {
    "unknown field": ("s: {kind: score, of: {kind: items, «cout: 3}}", "unknown-field"),
    "unknown kind": ("s: {kind: score, of: {«kind: itms}}", "unknown-kind"),
    "no kind": ("s: {kind: score, «of: {count: 3}}", "wrong-value"),
    "wrong type": ("s: {kind: score, «of: {kind: push}}", "wrong-type"),
    "under a label": (
        ITEMS + "s: {kind: score, of: items, over: {arm: {a: {kind: push, «strength: x}, b: none}}}",
        "wrong-value",
    ),
}

CHECKS = {
    "missing reference": ("a: {kind: disjoint, «rows: itms}", "missing-reference"),
    "wrong type in a list": ("a: {kind: disjoint, rows: [items, «model]}", "wrong-type"),
    "no check": ("a: {«kind: score, of: items}", "wrong-type"),
    "severity": ("a: {kind: disjoint, rows: items, «severity: maybe}", "not-allowed"),
    "no kind": ("«a: {rows: items}", "missing-field"),
    "a list": ("«a: [x]", "wrong-value"),
    "unknown and missing fields": ("«a: {kind: disjoint, «row: items}", "missing-field unknown-field"),
    "nothing to look at": ("a: {kind: disjoint, «rows: []}", "wrong-value"),
    "a step in place": ("a: {kind: disjoint, rows: [«{kind: items}]}", "bad-reference"),
    "a condition that is none": ("a: {kind: holds, of: m, «when: {mean: 1}}", "wrong-value"),
}

RULES = {
    "reads a Table": ("read: {«r: s}\nfirst: []\notherwise: {verdict: a, claim: b}", "wrong-type"),
    "reads a label that does not exist": (
        "read: {«r: 'm[level=7]'}\nfirst: []\notherwise: {verdict: a, claim: b}",
        "unknown-label",
    ),
    "several cells without a quantifier": (
        "read: {r: m}\nfirst: [{when: {r: {«mean_ge: 1}}, verdict: a, claim: b}]\notherwise: {verdict: a, claim: b}",
        "needs-quantifier",
    ),
    "a statistic that is not made": (
        "read: {r: m}\nfirst: [{when: {r: {«all_median_ge: 1, all_mean.low_gt: 0}}, verdict: a, claim: b}]\n"
        "otherwise: {verdict: a, claim: b}",
        "unknown-statistic",
    ),
    "a name that is not read": (
        "read: {r: m}\nfirst: [{when: {«q: {all_mean_ge: 1}}, verdict: a, claim: b}]\n"
        "otherwise: {verdict: a, claim: b}",
        "missing-reference",
    ),
    "no condition": (
        "read: {r: m}\nfirst: [{when: {r: {«all_mean: 1}}, verdict: a, claim: b}]\n"
        "otherwise: {verdict: a, claim: b}",
        "wrong-value",
    ),
    "a quoted number": (
        "read: {r: m}\nfirst: [{when: {r: {«all_mean_ge: '1'}}, verdict: a, claim: b}]\n"
        "otherwise: {verdict: a, claim: b}",
        "wrong-value",
    ),
    "not total": ("read: {r: m}\nfirst: []", "missing-field"),
    "cases are a list": (
        "read: {r: m}\n«first: {when: {}}\notherwise: {verdict: a, claim: b}",
        "wrong-value",
    ),
}

FIGURES = {
    "unknown role": ("{kind: ecdf, of: m, «colour: levl, alt: x}", "unknown-role"),
    "unknown statistic": ("{kind: interval, of: m, «x: median, y: level, alt: x}", "unknown-role"),
    "unknown facet": ("{kind: interval, of: m, facet: [level, «part], alt: x}", "unknown-role"),
    "several axes, one unknown": ("{kind: interval, of: m, y: [level, «part], alt: x}", "unknown-role"),
    "missing step": ("{kind: scatter, x: s, «y: zz, alt: x}", "missing-reference"),
    "of Rows": ("{kind: ecdf, «of: items, alt: x}", "wrong-type"),
    "unknown kind": ("{«kind: pie, of: s, alt: x}", "not-allowed"),
}


def mistakes(file: Path, text: str) -> tuple[list[tuple[int, int]], SpecError]:
    """Places of the marks in a study, and what planning it says."""
    lines = text.split("\n")
    places: list[tuple[int, int]] = []
    for number, line in enumerate(lines, 1):
        parts = line.split("«")
        places += [(number, len("".join(parts[: i + 1])) + 1) for i in range(len(parts) - 1)]
    file.write_text(text.replace("«", ""), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        make_plan(read(file))
    return places, caught.value


def check(file: Path, text: str, codes: str) -> None:
    places, error = mistakes(file, text)
    found = [((p.place.line, p.place.column), p.code) for p in error.problems]
    assert found == list(zip(places, codes.split(), strict=True)), str(error)
    assert all(str(p.place.file) == str(file) and p.subject for p in error.problems)


def indent(text: str, by: int = 2) -> str:
    return textwrap.indent(text.rstrip("\n"), " " * by) + "\n"


@pytest.mark.parametrize(("steps", "codes"), [*FIELDS.values(), *REFERENCES.values(), *AXES.values(), *INLINE.values()],
                         ids=[*FIELDS, *(f"reference {n}" for n in REFERENCES), *AXES, *(f"inline {n}" for n in INLINE)])  # fmt: skip
def test_steps(tmp_path: Path, steps: str, codes: str):
    check(tmp_path / "s.yaml", HEAD + indent(steps), codes)


@pytest.mark.parametrize(("checks", "codes"), CHECKS.values(), ids=CHECKS)
def test_checks(tmp_path: Path, checks: str, codes: str):
    check(tmp_path / "s.yaml", HEAD + indent(SCORED) + "checks:\n" + indent(checks), codes)


@pytest.mark.parametrize(("rule", "codes"), RULES.values(), ids=RULES)
def test_rules(tmp_path: Path, rule: str, codes: str):
    mark = "«" if codes == "missing-field" else ""
    check(tmp_path / "s.yaml", HEAD + indent(SCORED) + f"rules:\n  {mark}r:\n" + indent(rule, 4), codes)


@pytest.mark.parametrize(("figure", "codes"), FIGURES.values(), ids=FIGURES)
def test_figures(tmp_path: Path, figure: str, codes: str):
    check(tmp_path / "s.yaml", HEAD + indent(SCORED) + f"report:\n  figures:\n    f: {figure}\n", codes)


def test_tables(tmp_path: Path):
    table = "report: {tables: {t: {of: m, «rows: levl, columns: [level, «part]}, u: {«of: items}}}\n"
    check(tmp_path / "s.yaml", HEAD + indent(SCORED) + table, "unknown-axis unknown-axis wrong-type")


def test_mistakes_of_every_part_are_told_at_once(tmp_path: Path):
    text = """\
        ws: 1
        id: «Two Words
        «questoin: why?
        model: {kind: made_model, «syze: 2}
        steps:
          a: {«kind: itms}
          b: {kind: score, of: a, «levl: 1}
          c: {kind: score, «of: zz}
          «d:
        checks:
          e: {kind: disjoint, «rows: zz}
        rules:
          «f: {read: {b: b}, first: []}
        «reprot: {}
        """
    text = textwrap.dedent(text).replace("id: «", "«id: ")
    _, error = mistakes(tmp_path / "s.yaml", "«" + text)
    codes = "missing-field bad-text unknown-field unknown-field unknown-kind unknown-field missing-reference wrong-value"
    check(tmp_path / "s.yaml", "«" + text, codes + " missing-reference missing-field unknown-field")
    assert "Did you mean 'question'?" in str(error)


def test_what_exists_is_listed_and_what_was_meant_is_offered(tmp_path: Path):
    def said(steps: str) -> str:
        return str(mistakes(tmp_path / "s.yaml", HEAD + indent(SCORED + steps))[1])

    assert "Did you mean 'level'?" in said("t: {kind: score, of: items, levl: 1}")
    assert "fields: arm, level, of, seed, tokens" in said("t: {kind: score, of: items, x: 1}")
    assert "it also takes over, except, pool, rows" in said("t: {kind: score, of: items, x: 1}")
    assert "steps: model, items, s, m, t" in said("t: {kind: score, of: itms}")
    assert "axes: level" in said("t: {kind: mean, of: 's[x=1]'}")
    assert "labels: 1, 2" in said("t: {kind: mean, of: 's[level=3]'}")
    assert "Did you mean 'push'?" in said("t: {kind: posh}")


def test_the_mistake_is_in_the_file_where_it_is_written(tmp_path: Path):
    (tmp_path / "parents").mkdir()
    (tmp_path / "parents" / "base.yaml").write_text(
        HEAD + "  items: {kind: items, cout: 1}\n", encoding="utf-8"
    )
    child = tmp_path / "child.yaml"
    child.write_text("extends: parents/base.yaml\nsteps:\n  s: {kind: score, of: itms}\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        make_plan(read(child))
    places = {(Path(p.place.file).name, p.place.line, p.place.column) for p in caught.value.problems}
    assert places == {("base.yaml", 6, 24), ("child.yaml", 3, 20)}


def test_a_broken_kind_of_ones_own_names_its_line(tmp_path: Path, write: Callable[..., Path]):
    from ws_dsl.specs import kinds

    (tmp_path / "kinds").mkdir()
    sources = {
        "crooked": "version = 1\nclass Crooked(:\n",
        "missing": "version = 1\n",
        "failing": "x = 1\ny = x / 0\n",
        "untyped": "from ws_dsl.specs.kind import Kind\nversion = 1\nclass Untyped(Kind): ...\n",
    }
    for name, source in sources.items():
        (tmp_path / "kinds" / f"{name}.py").write_text(source, encoding="utf-8")
    kinds.use_folder(tmp_path / "kinds")
    steps = "".join(f"{name}: {{kind: {name}}}\n" for name in sources)
    with pytest.raises(SpecError) as caught:
        make_plan(read(write(steps, head=HEAD.replace("made_model", "organism"))))
    said = [p.message for p in caught.value.problems]
    assert [p.code for p in caught.value.problems] == ["broken-kind"] * 4
    assert "crooked.py:2:" in said[0] and "class Missing(Kind[...])" in said[1]
    assert "failing.py:2:1 ZeroDivisionError" in said[2] and "Kind[types.Table]" in said[3]


def test_text_that_a_comma_cut_in_two_is_recognised(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(
        "ws: 1\nid: a\nquestion: q\nmodel: {kind: organism}\nsteps: {}\n"
        "rules: {r: {read: {}, first: [], otherwise: {verdict: undecided, claim: It may, or may not.}}}\n"
    )
    with pytest.raises(SpecError, match="text that has a comma needs quotes"):
        make_plan(read(study))
