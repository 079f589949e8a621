"""The chosen cell; that its bytes are its own is tested in tests/run/test_chosen.py."""

from __future__ import annotations

import pytest

from tests.steps.analyse.cells import Given, files_of, table
from ws_dsl.artifacts.choice import Choice
from ws_dsl.artifacts.table import Table
from ws_dsl.errors import MeasurementError
from ws_dsl.specs.kinds import find
from ws_dsl.steps.cell import Cell


def pick(labels: dict[str, str], tables: dict[tuple[tuple[str, str], ...], Table]) -> Table:
    kind = find("chosen")
    inputs = {
        "of": [Given(one, (place,), labels=dict(own)) for place, (own, one) in enumerate(tables.items())],
        "choice": [Given(Choice(labels, 1.0, "rows"))],
    }
    spec = kind.spec.model_validate({"of": "of", "choice": "choice"})
    ((_, made),) = kind.module.run([Cell(spec, inputs)], None)  # pyright: ignore
    return Table.from_files(files_of(made).__getitem__)


TABLES = {
    (("coeff", "1"), ("layer", "0")): table({"a": 1.0}),
    (("coeff", "1"), ("layer", "1")): table({"a": 2.0}),
    (("coeff", "2"),): table({"a": 3.0}),
}


@pytest.mark.parametrize(("labels", "value"), [({"coeff": "1", "layer": "1"}, 2.0), ({"coeff": "2"}, 3.0)])
def test_it_is_the_one_with_the_chosen_labels(labels: dict[str, str], value: float):
    assert pick(labels, TABLES).columns["value"] == [value]


def test_what_was_chosen_is_not_there():
    with pytest.raises(MeasurementError, match=r"\[layer=1\] was chosen"):
        pick({"layer": "1"}, TABLES)
