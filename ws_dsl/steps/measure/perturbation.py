"""How large a change of activations an arm is.

What it does
    Runs every row with the arm and without it, and takes |h′ − h| / |h| wherever the arm edits: at each hook
    and token, over the whole hook (all neurons of a layer, all heads), edits at earlier places included. An
    arm that changes weights or words instead is measured at the residual stream after the last block at the
    row's last token. Means over the edited places of a row come first; rows then weigh equally. Each mean has
    a 95 % percentile bootstrap interval over units.

What it cannot show
    What the change does: small ones in the right direction do much, and large ones in others nothing. Beyond
    about half of the norm the model is hardly the one that was trained.

Inputs and output
    `prompts`: Prompts, closed or open; `arm`: Arm; `model`. An Estimate: `value`, the mean relative change
    where the arm edits; `final`, the same at the residual stream after the last block at the last token;
    `max`, the largest relative change where it edits; `n`, the rows. `notes` name the hooks, the number of
    edited places and `mean_norm`, the mean of |h| there. A place where h is 0 is left out.

Reference
    Rimsky et al., Steering Llama 2 via Contrastive Activation Addition, 2023, for norms of vectors against
    those of activations. Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.artifacts.rows import row_set
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Named, Ref
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.measure._lots import by_inputs, lots, slices
from ws_dsl.steps.replies import same_replies
from ws_dsl.steps.rows import forward_rows, under

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.arm import Arm
    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.prompts import Prompts
    from ws_dsl.models.forward import Row
    from ws_dsl.models.handle import Handle
    from ws_dsl.specs.canonical import Json


class Perturbation(Kind[types.Estimate]):
    """Size of an arm's change of activations, relative to these."""

    computes = True
    row_columns: ClassVar[bool] = True

    # Before `arm`, whose own rows, those that a vector was made on, are not the ones that are resampled.
    prompts: Ref[types.Prompts]
    arm: Ref[types.Arm]
    model: Ref[types.Model] = Named("model")

    @classmethod
    def statistics(cls, spec: Perturbation, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        return ["value", "final", "max", "n"]


version = 2

_HELD = 256 << 20
"""Bytes of activations that are held at once, where the arms on one row do not need more."""


class _Edited(NamedTuple):
    """A row under an arm. Tokens are told by their index in the row without it.

    Attributes:
        row: The row.
        places: Hook and token of every edit, tokens that the row without the arm lacks left out.
        end: The last token.
        moved: How much later a token is in this row.
    """

    row: Row
    places: list[tuple[str, int]]
    end: int
    moved: int

    def tokens(self) -> list[int]:
        """Tokens that are looked at: edited ones and the last."""
        return sorted({token for _, token in self.places} | {self.end})


class _Change(NamedTuple):
    """What an arm changes in one row.

    Attributes:
        shares: |h′ − h| / |h| at every edited place.
        final: The same after the last block at the last token.
        norms: |h| at every edited place.
    """

    shares: list[float]
    final: float
    norms: list[float]


def run(
    cells: Sequence[Cell[Perturbation]], context: Context
) -> Iterator[tuple[Cell[Perturbation], Artifact]]:
    """All arms over the same prompts together: these run once without any."""
    for group in by_inputs(cells, "model", "prompts"):
        for lot in lots(group, "prompts"):
            yield from _together(lot, context)


def _together(
    cells: Sequence[Cell[Perturbation]], context: Context
) -> Iterator[tuple[Cell[Perturbation], Artifact]]:
    prompts, model = cells[0].open("prompts"), cells[0].one("model")
    handle = context.model(model)
    plain = forward_rows(prompts, "last", None, model.digest)
    arms = [_edited(prompts, plain, cell.open("arm"), model.digest, handle.tokenizer) for cell in cells]
    last = f"blocks.{handle.shape.layers - 1}.hook_resid_post"
    hooks = [sorted({hook for row in arm for hook, _ in row.places} | {last}) for arm in arms]
    all_hooks = sorted({hook for own in hooks for hook in own})
    tokens = [sorted({token for row in rows for token in row.tokens()}) for rows in zip(*arms, strict=True)]
    # Of one arm and of none, in float32.
    each = 2 * 4 * sum(handle.place(hook).width for hook in all_hooks)
    found: list[list[_Change]] = [[] for _ in cells]
    for part in slices([each * len(own) for own in tokens], _HELD):
        unmoved = [_Edited(row, [], len(row.ids) - 1, 0) for row in plain[part]]
        before = _activations(handle, unmoved, tokens[part], all_hooks, context)
        for arm, own, changes in zip(arms, hooks, found, strict=True):
            after = _activations(handle, arm[part], [row.tokens() for row in arm[part]], own, context)
            changes.extend(map(_change, arm[part], before, after, repeat(last)))
    for cell, arm, changes in zip(cells, arms, found, strict=True):
        yield cell, _estimate(cell, prompts, arm, changes).to_artifact()


def _edited(prompts: Prompts, plain: Sequence[Row], arm: Arm, model: str, tokenizer: Any) -> list[_Edited]:
    """The rows under an arm."""
    said = under(prompts, arm, tokenizer)
    same_replies(prompts, said)
    changed = forward_rows(said, "last", arm, model)
    ends = ([spans["prompt"][1] for spans in one.columns["spans"]] for one in (prompts, said))
    found: list[_Edited] = []
    for before, after, end, moved_end in zip(plain, changed, *ends, strict=True):
        moved = moved_end - end
        places = {(edit.site.hook, edit.position - moved) for edit in after.edits}
        here = sorted(place for place in places if 0 <= place[1] < len(before.ids))
        found.append(_Edited(after, here, len(before.ids) - 1, moved))
    return found


def _activations(
    handle: Handle,
    rows: Sequence[_Edited],
    tokens: Sequence[Sequence[int]],
    hooks: Sequence[str],
    context: Context,
) -> list[dict[tuple[str, int], np.ndarray]]:
    """Activations of every row by hook and token."""
    from ws_dsl.models.forward import capture

    asked = [(row, token) for row, own in zip(rows, tokens, strict=True) for token in own]
    positioned = [row.row._replace(position=token + row.moved) for row, token in asked]
    captured = capture(handle, positioned, hooks)
    context.advance(len(rows))
    found: list[dict[tuple[str, int], np.ndarray]] = []
    start = 0
    for own in tokens:
        found.append(
            {(hook, token): captured[hook][start + at] for hook in hooks for at, token in enumerate(own)}
        )
        start += len(own)
    return found


def _change(
    row: _Edited,
    before: Mapping[tuple[str, int], np.ndarray],
    after: Mapping[tuple[str, int], np.ndarray],
    last: str,
) -> _Change:
    norms = [_length(before[place]) for place in row.places]
    sizes = [_length(after[place], before[place]) for place in row.places]
    end = last, row.end
    return _Change(
        [size / norm for size, norm in zip(sizes, norms, strict=True) if norm],
        _length(after[end], before[end]) / _length(before[end]),
        norms,
    )


def _length(values: np.ndarray, origin: np.ndarray | float = 0.0) -> float:
    """Distance of an activation from another, or from 0, in float64."""
    import numpy as np

    return float(np.sqrt(np.square(values.astype(np.float64) - origin).sum()))


def _estimate(
    cell: Cell[Perturbation], prompts: Prompts, arm: Sequence[_Edited], changes: Sequence[_Change]
) -> Estimate:
    """Statistics over rows, with intervals over units."""
    import numpy as np

    from ws_dsl.steps.analyse import _bootstrap as bootstrap
    from ws_dsl.steps.analyse._statistics import named

    edits = any(row.places for row in arm)
    shares = [change.shares if edits else [change.final] for change in changes]
    by_row = {
        "value": [math.fsum(own) / len(own) if own else math.nan for own in shares],
        "final": [change.final for change in changes],
        "max": [max(own, default=math.nan) for own in shares],
    }
    behind = cell.get("row_columns")
    units = bootstrap.unit_ids(prompts.keys, prompts.ids(), behind.open() if behind else None)
    counted = sum(map(bool, shares))
    stats: dict[str, Stat] = {}
    draws: dict[str, np.ndarray] = {}
    for name, statistic in (("value", "mean"), ("final", "mean"), ("max", "max"), ("n", "n")):
        values = np.array(by_row["value" if name == "n" else name], np.float64)
        n = len(changes) if name == "final" else counted
        sample = bootstrap.grouped(values, units)
        found, drawn = bootstrap.measure(sample, {name: named(statistic)}, n)
        stats, draws = stats | found, draws | drawn
    norms = [norm for change in changes for norm in change.norms]
    hooks: list[Json] = [*sorted({hook for row in arm for hook, _ in row.places})]
    notes: dict[str, Json] = {
        "rows": len(changes),
        "units": len(set(units)),
        "hooks": hooks,
        "edited": len(norms),
        "mean_norm": math.fsum(norms) / len(norms) if norms else None,
    }
    return Estimate(
        stats, draws, bootstrap.grouped(np.zeros(len(units)), units).units, row_set(prompts.ids()), notes
    )
