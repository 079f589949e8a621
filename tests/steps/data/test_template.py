"""A template is text with names of columns in it: nothing that is written in it or in the data is run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ws_dsl.errors import MeasurementError
from ws_dsl.steps.data._template import fill, slots

ESCAPES = [
    "{{7*7}}",
    "{{claim.__class__.__mro__}}",
    "{{claim|upper}}",
    "{{claim[0]}}",
    "{{ claim }}{{",
    "{{claim",
    "{{{claim}}}",
    "{{ {{claim}} }}",
    "{{}}",
    "{{clаim}}",  # the third letter is Cyrillic
    "{{self}}{{''.join}}",
]


@pytest.mark.parametrize("template", ESCAPES)
def test_what_is_no_column_is_refused(template: str):
    with pytest.raises(ValueError, match=r"is no column|is not closed"):
        slots(template)


@pytest.mark.parametrize(
    "text", ["{% for x in y %}", "{# a #}", "}}", "{claim}", "{0.__class__}", "%(claim)s", "$claim", "\\{"]
)
def test_other_templating_is_text(text: str):
    assert slots(text) == []
    assert fill(text, {"claim": "x"}) == text


@pytest.mark.parametrize("name", ["other", "claim.__class__", "__class__"])
def test_a_column_that_the_rows_lack_is_told(name: str):
    with pytest.raises(MeasurementError, match=f"no column '{name}'"):
        fill(f"{{{{{name}}}}}", {"claim": "x"})


@given(st.text(), st.text(st.characters(exclude_characters="{}")))
def test_values_are_put_in_as_they_are(value: str, around: str):
    assert fill(f"{around}{{{{claim}}}}{around}", {"claim": value}) == around + value + around
    assert fill("{{claim}}", {"claim": "{{claim}}"}) == "{{claim}}"
