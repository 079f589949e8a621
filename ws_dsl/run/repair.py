"""Damage met on the way: set aside, made anew, and said."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from ws_dsl.errors import DamagedError, MissingError
from ws_dsl.plan.plan import Plan
from ws_dsl.plan.state import State
from ws_dsl.registry.lease import study
from ws_dsl.registry.store import Store
from ws_dsl.specs.canonical import canonical

T = TypeVar("T")

_DIGEST = re.compile(rb"[0-9a-f]{64}")


def repaired(plan: Plan, state: State, store: Store, note: Callable[[str], None], work: Callable[[], T]) -> T:
    """Does work that makes and reads a study's artifacts; begins again where one of them is damaged.

    While it goes on, no garbage collection removes what the study may use.

    Args:
        plan: The study.
        state: Keys and digests; those of what is set aside, and of what was made from it, are forgotten.
        store: Where the artifacts are.
        note: Told of every artifact that is set aside.
        work: Makes what is missing, and reads.

    Raises:
        DamagedError, MissingError: what cannot be read is no artifact of the study, or is damaged each time.
    """
    with store.leases.hold(plan.spec.id, {study(plan.spec.id), *_used(state)}, note) as waited:
        if waited:
            state.digests.clear()
            state.update(plan.nodes)
        for _ in plan.nodes:
            try:
                return work()
            except (DamagedError, MissingError):
                if not _set_aside(plan, state, store, note):
                    raise
        return work()


def _used(state: State) -> set[str]:
    """Keys of a study's cells, and digests of the files that they are made from, as far as they are known."""
    params = (canonical(found["params"]) for found in state.derivations.values())
    return {*state.keys.values()} | {match.decode() for text in params for match in _DIGEST.findall(text)}


def _set_aside(plan: Plan, state: State, store: Store, note: Callable[[str], None]) -> bool:
    found = False
    for node in plan.nodes:
        if node not in state.digests:
            continue
        if store.quarantine(state.keys[node], "damaged when a run read it"):
            note(f"{node}: the stored bytes are damaged; set aside, made anew")
            found = True
        elif not store.has(state.keys[node]):
            note(f"{node}: what was stored is gone; made anew")
            found = True
    state.digests.clear()
    state.update(plan.nodes)
    return found
