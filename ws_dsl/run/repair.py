"""Damage met on the way: set aside, made anew, and said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ws_dsl.errors import DamagedError, MissingError
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.registry.store import Store

T = TypeVar("T")


def repaired(plan: Plan, state: State, store: Store, note: Callable[[str], None], work: Callable[[], T]) -> T:
    """Does work that makes and reads a study's artifacts; begins again where one of them is damaged.

    Args:
        plan: The study.
        state: Keys and digests; those of what is set aside, and of what was made from it, are forgotten.
        store: Where the artifacts are.
        note: Told of every artifact that is set aside.
        work: Makes what is missing, and reads.

    Raises:
        DamagedError, MissingError: what cannot be read is no artifact of the study, or is damaged each time.
    """
    for _ in plan.nodes:
        try:
            return work()
        except (DamagedError, MissingError):
            if not _set_aside(plan, state, store, note):
                raise
    return work()


def _set_aside(plan: Plan, state: State, store: Store, note: Callable[[str], None]) -> bool:
    found = False
    for node in plan.nodes:
        if node in state.digests and store.quarantine(state.keys[node], "damaged when a run read it"):
            note(f"{node}: the stored bytes are damaged; set aside, made anew")
            found = True
    state.digests.clear()
    state.update(plan.nodes)
    return found
