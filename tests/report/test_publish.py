"""A page from a run: every number on it is one that `show` gives."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import Lab, small
from ws_dsl.registry import Store

STUDY = "pages.yaml"


def command(*words: str) -> None:
    from ws_dsl.cli.main import app

    app(list(words), standalone_mode=False)


def pages() -> dict[str, Any]:
    """The small study with a failing check, a warning, and a table of every sort."""
    study = small() | {"id": "pages"}
    study["checks"] = {
        "far": {"kind": "holds", "of": "shift", "when": {"all_mean_gt": 1000}},
        "near": {"kind": "holds", "of": "shift", "when": {"all_mean_gt": 999}, "severity": "warn"},
    }
    study["steps"]["removed"] = {
        "kind": "removed_fraction",
        "of": "delta[arm=found, paraphrase=sure]",
        "base": "delta[arm=none, paraphrase=sure]",
    }
    study["steps"]["share"] = {"kind": "summary", "of": "removed", "stats": ["median"]}
    study["steps"]["natural"] = {"kind": "next_token", "prompts": "prompts", "top": 2}
    study["rules"]["stays"] = {
        "read": {"all": "shift"},
        "first": [{"when": {"all": {"all_mean_lt": 0}}, "verdict": "supported", "claim": "It stays."}],
        "otherwise": {"verdict": "refuted", "claim": "It does not stay."},
    }
    study["report"]["tables"] |= {
        "wide": {"of": "shift[arm!=named]", "rows": "arm", "columns": "paraphrase"},
        "words": {"of": "natural"},
        "moved": {"of": "delta"},
        "share": {"of": "share"},
    }
    return study


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("pages"))
    lab.data()
    lab.study(pages())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(lab.root)
        command("run", STUDY)
    return lab


@pytest.fixture
def shown(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Rows that `show --json` gives of a reference."""
    monkeypatch.chdir(lab.root)

    def show(reference: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        command("show", f"pages:{reference}", "--study", STUDY, "--json")
        return json.loads(capsys.readouterr().out)["rows"]

    return show


def folder(lab: Lab) -> Path:
    return lab.root / "site" / "studies" / "pages"


def page(lab: Lab) -> str:
    return (folder(lab) / "index.md").read_text(encoding="utf-8")


LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\(artifacts/[\w-]+\.md(?:#[0-9a-f]{12})?\)")


def section(text: str, title: str) -> list[list[str]]:
    """Body of the first table under a heading, cell by cell, links and escapes taken away."""
    after = LINK.sub(r"\1", text[text.index(f"\n### {title}\n") :])
    lines = [line for line in after.splitlines() if line.startswith("|")]
    found: list[list[str]] = []
    for line in after[after.index(lines[0]) :].splitlines():
        if not line.startswith("|"):
            break
        found.append([cell.strip().replace("\\", "") for cell in line.strip("|").split(" | ")])
    return found[2:]


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def agree(cell: str, value: float, low: float | None = None, high: float | None = None) -> None:
    """A printed number is the value, rounded as printed; so are the ends of its interval."""
    for printed, exact in zip(re.findall(r"[−-]?\d+(?:\.\d+)?", cell), (value, low, high), strict=False):
        digits = len(printed.partition(".")[2])
        assert exact is not None and abs(number(printed) - exact) <= 0.5000001 * 10**-digits, cell
    assert len(re.findall(r"\d+(?:\.\d+)?", cell)) == (1 if low is None else 3)


def test_a_table_of_estimates(lab: Lab, shown: Any):
    rows = shown("shift")
    printed = section(page(lab), "Shift")
    assert len(printed) == len(rows) == 8
    for cells, row in zip(printed, rows, strict=True):
        assert cells[:3] == [row["arm"], row["paraphrase"], row["site"] or "–"]
        for cell, name in zip(cells[3:], ("mean", "median", "share_gt_0"), strict=True):
            agree(cell, row[name], row[f"{name}.low"], row[f"{name}.high"])


def test_a_table_with_an_axis_across(lab: Lab, shown: Any):
    rows = {(row["arm"], row["paraphrase"]): row for row in shown("shift[arm!=named]")}
    for cells in section(page(lab), "Wide"):
        expected = [
            (paraphrase, name) for paraphrase in ("sure", "boss") for name in ("mean", "median", "share_gt_0")
        ]
        for cell, (paraphrase, name) in zip(cells[1:], expected, strict=True):
            row = rows[cells[0], paraphrase]
            agree(cell, row[name], row[f"{name}.low"], row[f"{name}.high"])


def test_a_table_of_observations_gives_their_spread(lab: Lab, shown: Any):
    rows = shown("delta")
    printed = section(page(lab), "Moved")
    assert len(printed) == 8
    for cells in printed:
        mine = [
            row["value"] for row in rows if [row["arm"], row["paraphrase"], row["site"] or "–"] == cells[:3]
        ]
        for cell, value in zip(
            cells[3:], (sum(mine) / len(mine), min(mine), max(mine), len(mine)), strict=True
        ):
            agree(cell, value)


def test_a_table_of_next_tokens(lab: Lab, shown: Any):
    rows = shown("natural")
    printed = section(page(lab), "Words")
    assert printed
    for cells in printed:
        cell = [row for row in rows if [row["condition"], row["paraphrase"] or "–"] == cells[:2]]
        word = cells[2].strip("`")
        mine = [row["value"] for row in cell if row["token"].strip() == word.strip()]
        agree(cells[3], len(mine) / len(cell))
        agree(cells[4], sum(mine) / len(mine))


def test_the_csv_beside_a_table_is_in_full_precision(lab: Lab, shown: Any):
    with (folder(lab) / "data" / "wide.csv").open(encoding="utf-8") as file:
        read = list(csv.reader(file))[1:]
    values = {float(cell) for row in read for cell in row[1:]}
    names = [f"{name}{part}" for name in ("mean", "median", "share_gt_0") for part in ("", ".low", ".high")]
    assert values == {row[name] for row in shown("shift[arm!=named]") for name in (*names, "n")}


def test_the_csv_beside_a_figure_holds_what_is_drawn(lab: Lab, shown: Any):
    with (folder(lab) / "data" / "shift.csv").open(encoding="utf-8") as file:
        drawn = list(csv.DictReader(file))
    rows = shown("delta[arm=none]")
    assert sorted(float(row["value"]) for row in drawn) == sorted(row["value"] for row in rows)


def test_verdicts_follow_from_the_shown_numbers(lab: Lab, shown: Any):
    (row,) = shown("shift[arm=none, paraphrase=sure]")
    said = json.loads((folder(lab) / "study.json").read_text(encoding="utf-8"))["verdicts"]
    verdicts = {verdict["rule"]: verdict["verdict"] for verdict in said}
    assert verdicts["moves"] == ("supported" if row["mean.low"] > 0 else "undecided")
    negative = all(row["mean"] < 0 for row in shown("shift"))
    assert verdicts["stays"] == ("supported" if negative else "refuted")
    for claim in (verdict["claim"] for verdict in said):
        assert claim in page(lab)


def test_failed_checks_come_before_results_and_first_among_checks(lab: Lab):
    text = page(lab)
    assert text.index("Failed check") < text.index("![")
    outcomes = re.findall(r"^\| \*\*(\w+)\*\* \|", text, re.MULTILINE)
    order = {"failed": 0, "warned": 1, "passed": 2}
    assert outcomes == sorted(outcomes, key=order.__getitem__)
    assert outcomes[:2] == ["failed", "warned"] and outcomes[-1] == "passed"


def test_no_times_costs_or_places_are_on_the_page(lab: Lab):
    text = page(lab)
    assert str(lab.root) not in text and str(Path.home()) not in text and sys.executable not in text
    assert not re.search(r"20\d\d-\d\d-\d\d", text)
    assert "ws-dsl run pages.yaml" in text


def test_every_artifact_has_a_place_that_says_what_it_is_made_from(lab: Lab):
    cells = json.loads((folder(lab) / "study.json").read_text(encoding="utf-8"))["cells"]
    store = Store(lab.project.registry)
    keys = {cell["key"] for cell in cells}
    for cell in cells:
        stem = cell["step"].replace("/", "--")
        text = (folder(lab) / "artifacts" / f"{stem}.md").read_text(encoding="utf-8")
        own = text[text.index(f"\n### `{cell['key'][:12]}`\n") :].split("\n### ")[1]
        manifest = store.manifest(cell["key"])
        assert manifest is not None and manifest.digest[:12] in own
        inputs = {one.key for many in manifest.inputs.values() for one in many}
        assert inputs <= keys and all(f"#{key[:12]})" in own for key in inputs)
        (record,) = [
            one
            for one in json.loads((folder(lab) / "artifacts" / f"{stem}.json").read_text())["artifacts"]
            if one["key"] == cell["key"]
        ]
        assert {name: value for name, value in manifest.params.items() if value is not None} == record[
            "params"
        ]
        assert record["environment"] == manifest.environment and cell["cell"] in record["cells"]


def test_the_links_of_numbers_lead_somewhere(lab: Lab):
    for path in folder(lab).rglob("*.md"):
        for target, key in re.findall(r"\]\(([\w/.-]+\.md)(?:#([0-9a-f]{12}))?\)", path.read_text()):
            text = (path.parent / target).read_text(encoding="utf-8")
            assert not key or f"\n### `{key}`\n" in text


def test_methods_name_what_is_needed_to_make_the_study_again(lab: Lab):
    text = page(lab)
    methods = text[text.index("## Methods") : text.index("## Provenance")]
    study = pages()
    for name, step in study["steps"].items():
        part = methods[methods.index(f"#### [`{name}`]") :].split("####")[1]
        assert f"`{step['kind']}`" in part
    for template in study["steps"]["prompts"]["over"]["condition"]["pressure"]["over"][
        "text as paraphrase"
    ].values():
        assert template.replace("\n", "↵") in methods
    assert "`  Yes `" in methods and "`  No `" in methods
    assert re.search(r"\| \[`ranked`\].*\| neurons \| \d+ \| 2 \|", methods)
    assert "| set | `last` | `L1N3` |" in methods
    assert re.search(r"\| \[`halves`\]\(.*\) \| data \| 0 \| 1 \|", methods)


def test_a_ratio_is_told_with_its_denominator(lab: Lab, shown: Any):
    said = re.search(
        r"Denominator: ([^;]*); absolute value (\S+) to (\S+) nats, median (\S+), n = 8\.", page(lab)
    )
    assert said is not None and said[1].replace("\\", "") == "delta[arm=none, paraphrase=sure]"
    sizes = sorted(abs(row["value"]) for row in shown("delta[arm=none, paraphrase=sure]"))
    for text, value in zip(said.groups()[1:], (sizes[0], sizes[-1], (sizes[3] + sizes[4]) / 2), strict=True):
        agree(text, value)
