from __future__ import annotations

import numpy as np
import pytest

from tests.steps.check.findings import finding, prompts
from ws_dsl.artifacts.states import States
from ws_dsl.specs.site import FINAL

TOKENS = {"a": [1, 2, 3], "b": [4, 5]}
STATE = np.array([3.0, 4.0], np.float32)


def states(*rows: np.ndarray, model: str = "model", at: str = "last") -> States:
    columns = {"id": list(TOKENS)[: len(rows)]}
    return States(("id",), columns, {FINAL: np.stack(rows)}, {"model": model, "at": at, "arm": None})


def met_again(state: np.ndarray, **notes: str):
    """The prompt `a` in two cells."""
    asked = [prompts(TOKENS), prompts({"a": TOKENS["a"]})]
    return finding(
        "base_invariant", {"states": [states(STATE, 2 * STATE), states(state, **notes)], "prompts": asked}
    )


def test_one_prompt_has_one_state():
    found = met_again(STATE)
    assert found.holds and "1 of them met again" in found.detail


@pytest.mark.parametrize("wrong", [STATE * (1 + 1e-4), 2 * STATE, np.full(2, np.nan, np.float32)], ids=str)
def test_another_state_for_the_same_prompt(wrong: np.ndarray):
    found = met_again(wrong)
    assert not found.holds and found.at == [("states", 1)]


def test_rounding_is_no_other_state():
    assert met_again(STATE * (1 + 1e-6)).holds


def test_another_model_may_have_another_state():
    assert met_again(2 * STATE, model="other").holds
