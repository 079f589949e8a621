from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from functools import cache

import pytest

from tests.report.study import circuit, layers, removed, residual
from ws_dsl.report import figures
from ws_dsl.report.figures import canvas, distribution
from ws_dsl.report.frame import Frame, Roles
from ws_dsl.report.frame import csv as to_csv

HOSTILE = "</desc><script>alert(1)</script> $x_1$ & \x00"
EXAMPLES = {
    "ecdf": (removed(), Roles(of="value", colour="site", facet=("tokens",))),
    "histogram": (removed(), Roles(of="value", colour="site")),
    "violin": (removed(), Roles(of="value", x="tokens", colour="site")),
    "scatter": (residual(), Roles(x="x", y="y", colour="site", facet=("site",))),
    "line": (circuit(), Roles(of="median", x="rank", colour="search", facet=("group",))),
    "interval": (circuit(), Roles(of="median", y="rank", colour="search", facet=("group",))),
    "heatmap": (layers(), Roles(of="value", x="head", y="layer")),
}


@cache
def drawn(kind: str, alt: str = "What it shows", title: str = "Its name") -> bytes:
    frame, roles = EXAMPLES[kind]
    return figures.draw(kind, frame, roles, alt=alt, title=title)


def texts(svg: bytes) -> str:
    return " | ".join(
        "".join(e.itertext()) for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    )


def test_every_kind_has_an_example():
    assert set(EXAMPLES) == set(figures.KINDS)


@pytest.mark.parametrize("kind", figures.KINDS)
def test_same_numbers_give_same_bytes(kind: str):
    assert drawn(kind) == drawn.__wrapped__(kind)


def test_another_process_gives_same_bytes():
    code = (
        "import hashlib, tests.report.test_figures as t\n"
        "print(*(hashlib.sha256(t.drawn(kind)).hexdigest() for kind in t.figures.KINDS))"
    )
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "7"}
    other = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.split() == [hashlib.sha256(drawn(kind)).hexdigest() for kind in figures.KINDS]


@pytest.mark.parametrize("kind", figures.KINDS)
def test_text_is_text_and_black_follows_the_page(kind: str):
    svg = drawn(kind).decode()
    assert "currentColor" in svg
    assert "#000000" not in svg
    assert not re.search(r"<image|base64|<metadata|DejaVuSans-", svg)
    assert any(character.isalpha() for character in texts(svg.encode()))


@pytest.mark.parametrize("kind", figures.KINDS)
def test_title_and_description_are_data(kind: str):
    root = ElementTree.fromstring(drawn(kind, alt=HOSTILE, title=HOSTILE))
    head = {e.tag.rpartition("}")[2]: "".join(e.itertext()) for e in root[:2]}
    assert head == dict.fromkeys(("title", "desc"), HOSTILE.replace("\x00", "\N{REPLACEMENT CHARACTER}"))
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_labels_from_users_are_data():
    frame = Frame({"arm": ["_a", "$\\frac{1}{2}$", "<b>"] * 2, "value": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    shown = texts(figures.draw("ecdf", frame, Roles(colour="arm"), alt="a", title="t"))
    assert all(label in shown for label in ("_a", "$\\frac{1}{2}$", "<b>"))


def test_n_and_unit_stand_on_the_axis():
    assert "median share removed, 95 % interval, n = 96" in texts(drawn("interval"))
    assert "shift without clamp (logits), n = 193" in texts(drawn("scatter"))


def test_n_stands_on_each_panel_where_panels_differ():
    frame = Frame({"half": ["search"] * 3 + ["verify"] * 2, "value": [1.0, 2.0, 3.0, 1.0, 2.0]})
    shown = texts(figures.draw("ecdf", frame, Roles(facet=("half",)), alt="a", title="t"))
    assert "n = 3" in shown
    assert "n = 2" in shown


def test_a_long_tail_is_cut_and_said():
    values = [i / 500 for i in range(500)] + [80.0]
    window = distribution.window(values)
    assert window.high < 3
    assert window.beyond == 1
    shown = texts(figures.draw("histogram", Frame({"value": values}), Roles(), alt="a", title="t"))
    assert "1 beyond the axis" in shown


def test_short_tails_are_shown_whole():
    window = distribution.window([0.0, 0.25, 0.5, 0.75, 1.0])
    assert window.low < 0.0 < 1.0 < window.high
    assert window.beyond == 0


@pytest.mark.parametrize("kind", figures.KINDS)
def test_undefined_numbers_leave_room_for_the_others(kind: str):
    frame, roles = EXAMPLES[kind]
    numeric = {roles.of, roles.x, roles.y} if kind == "scatter" else {roles.of}
    group = roles.colour or roles.y or ""
    first = frame.columns[group][0]
    for gone in ({first}, set(frame.columns[group])):
        columns = {
            name: [
                None if name in numeric and g in gone else v
                for g, v in zip(frame.columns[group], values, strict=True)
            ]
            for name, values in frame.columns.items()
        }
        svg = figures.draw(kind, Frame(columns, frame.names, frame.units), roles, alt="a", title="t")
        assert b"nan" not in svg


def test_bars_are_never_cut():
    values = [float(v % 7) for v in range(30)] + [3.0] * 60
    frame = Frame({"half": ["search"] * 30 + ["verify"] * 60, "value": values})
    svg = figures.draw("histogram", frame, Roles(facet=("half",)), alt="a", title="t")
    assert "60" in texts(svg).split(" | ")


def test_colours_and_shapes_never_both_repeat():
    labels = [f"arm {i}" for i in range(20)]
    styles = canvas.styles_of(Frame({"arm": labels, "value": [0.0] * 20}), Roles(colour="arm"))
    assert len(set(styles.colours.values())) == 20


def test_csv_keeps_full_precision():
    frame = Frame({"claim": ['a "quoted", one', "b\nc", "d"], "value": [0.1 + 0.2, None, -1e-17]})
    header, *rows = csv.reader(io.StringIO(to_csv(frame).decode()))
    assert header == ["claim", "value"]
    assert [row[0] for row in rows] == frame.columns["claim"]
    assert [float(row[1]) if row[1] else None for row in rows] == frame.columns["value"]


def forest() -> Frame:
    pairs = [(baseline, paraphrase) for baseline in ("is_it", "check") for paraphrase in ("sure", "boss")]
    values = [3.0, 3.2, 2.8, 3.1]
    return Frame(
        {
            "baseline": [b for b, _ in pairs],
            "paraphrase": [p for _, p in pairs],
            "baseline · paraphrase": [f"{b} · {p}" for b, p in pairs],
            "mean": values,
            "mean.low": [v - 2.9 for v in values],
            "mean.high": [v + 0.5 for v in values],
            "n": [200, 200, 199, 200],
        }
    )


GROUPED = Roles(of="mean", y="baseline · paraphrase", lines=("baseline", "paraphrase"))


def test_a_forest_plot_groups_its_lines_and_gives_n_to_each():
    shown = texts(figures.draw("interval", forest(), GROUPED, alt="a", title="t")).split(" | ")
    assert shown.count("sure") == shown.count("boss") == 2
    assert shown.count("is_it") == shown.count("check") == 1
    assert shown.count("200") == 3 and shown.count("199") == 1


@pytest.mark.parametrize(("shift", "drawn"), [(0.0, True), (-3.0, True), (1000.0, False)])
def test_a_forest_plot_marks_zero_unless_it_is_far_away(shift: float, drawn: bool):
    frame = forest()
    columns = {
        name: [v + shift for v in values] if name.startswith("mean") else values  # pyright: ignore[reportOperatorIssue]
        for name, values in frame.columns.items()
    }
    svg = figures.draw("interval", Frame(columns), GROUPED, alt="a", title="t")
    assert ("0" in {text.split(".")[0] for text in texts(svg).split(" | ")}) == drawn


def test_a_heat_map_sorts_numbers_as_numbers():
    ranked = [(10, 3), (2, 11), (2, 3), (0, 1)]
    columns = {"layer": [a for a, _ in ranked], "head": [b for _, b in ranked], "score": [4.0, 3.0, 2.0, 1.0]}
    roles = Roles(of="score", x="head", y="layer")
    shown = texts(figures.draw("heatmap", Frame(columns), roles, alt="a", title="t")).split(" | ")
    assert shown[:7] == ["1", "3", "11", "head; colour: score", "0", "2", "10"]


@pytest.mark.parametrize("kind", figures.KINDS)
def test_every_kind_says_what_it_draws_and_which_roles_it_reads(kind: str):
    from ws_dsl.specs.study import Figure

    told = figures.documentation(kind)
    assert told.title.endswith(".") and told.draws and told.caption.endswith(".")
    assert set(told.roles) <= set(Figure.model_fields)
    frame, roles = EXAMPLES[kind]
    read = {role for role in ("x", "y", "colour", "facet") if getattr(roles, role)}
    assert read <= set(told.roles)
    assert figures.caption(kind, frame, roles).startswith(told.caption)


@pytest.mark.parametrize("kind", figures.KINDS)
def test_the_example_of_a_kind_is_a_figure(kind: str):
    from ruamel.yaml import YAML

    from ws_dsl.specs.study import Figure

    written = YAML(typ="safe", pure=True).load(figures.documentation(kind).example)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    figure = Figure.model_validate(written)
    roles = {name for name in figure.model_fields_set if name not in ("kind", "alt", "title")}
    assert figure.kind == kind and roles <= set(figures.documentation(kind).roles)
