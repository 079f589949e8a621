"""Foreign hits: what stands for cells of a study and was made in another environment, told."""

from __future__ import annotations

from ws_dsl.plan.environment import Environment
from ws_dsl.plan.foreign import Foreign
from ws_dsl.plan.state import State


def difference(found: Foreign, here: Environment) -> str:
    """How the environments differ: `torch 2.12 (here 2.13)`."""
    own = here._asdict()
    names = sorted(found.environment.keys() | own.keys())
    parts = [
        f"{name} {found.environment.get(name)} (here {own.get(name)})"
        for name in names
        if found.environment.get(name) != own.get(name)
    ]
    return ", ".join(parts)


def told(state: State) -> list[str]:
    """One line for each environment and source that cells of a study are from."""
    counts: dict[str, int] = {}
    for found in state.foreign.values():
        text = f"made elsewhere with {difference(found, state.environment)}, from {found.source}"
        counts[text] = counts.get(text, 0) + 1
    return [f"{count} foreign: {text}" for text, count in counts.items()]
