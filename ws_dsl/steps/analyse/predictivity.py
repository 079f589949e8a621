"""How well a score predicts a binary label of rows.

What it does
    `auroc`: the probability that a positive row scores higher than a negative one, ties counted half.
    `auroc_within`: the same among pairs of one stratum of a row column, all strata's pairs pooled: what is
    left when the stratum is known. `r_pb`: the point-biserial correlation. `spearman`: the rank correlation.
    `p`: the share of shuffled labels (within strata, units as wholes: see `label_permutations`) whose AUROC
    within strata is as far from ½. `p_max`: the share in which that of the best cell of the family is as far,
    where the axes that were searched over are named. `detectable`: the smallest AUROC above ½ that so many
    rows of each class find with probability 0.8 at p < 0.05, by the variance of U where nothing is to be
    found, which is cautious in few rows and takes rows as independent. With the states that were scored, two
    nulls more: vectors drawn at random, and vectors between the means of two groups of these states that
    shuffled labels made, which point where activations vary.

What it cannot show
    Cause, or a use of what is predicted. `auroc` depends on neither scale nor class sizes, `r_pb` on both: it
    cannot reach 1 where one class is rare. An AUROC far below ½ predicts as well as one far above; the sign
    of a vector is fixed where it is made. A score that knows the stratum alone has a high `auroc` and an
    `auroc_within` of ½. The null vectors say how good an uninformed direction is in these states, not whether
    this one was chosen among many: `p_max` says that.

Inputs and output
    `score`, `label`: Tables over one row set (`rows` restricts both); labels are 0 and 1, or −1 and 1.
    `within`: a row column; `family`: the axes that the score was searched over, whose cells share their
    permutations; `null_vectors`: how many null vectors are drawn, at least 200, or none; `states`: States of
    the same rows, which they are scored on; `seed` of shuffles and drawn vectors. Rows that are `ok` on both
    sides count. An Estimate of `auroc`, `auroc_within`, `r_pb` and `spearman`, each with an interval that
    resamples units stratified by label; `p`, `p_max`, `detectable`, `n` and `n_positive`; and with states
    `null_auroc_97`, the 97.5 % quantile of the null vectors' AUROC folded to above ½, `p_random`, how many of
    them reach the score's, and `shuffled_auroc_97`, `p_shuffled` likewise. Undefined where a class has no
    row. `notes` tell the cells of the family.

Reference
    Hanley & McNeil (1982) for the AUROC as U / (n₁ n₀); Mann & Whitney (1947) for its variance under the
    null; Westfall & Young (1993) for the maximum statistic.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field, model_validator

from ws_dsl.artifacts.estimate import Estimate, Stat
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.kind import Column, Derived, Family, Kind, Ref, Seed
from ws_dsl.steps.analyse._family import identity
from ws_dsl.steps.analyse.label_permutations import FIELDS, chances, labelled

if TYPE_CHECKING:
    import numpy as np

    from ws_dsl.artifacts.artifact import Artifact
    from ws_dsl.artifacts.states import States
    from ws_dsl.artifacts.table import Table
    from ws_dsl.specs.canonical import Json
    from ws_dsl.steps.analyse.label_permutations import Labelled
    from ws_dsl.steps.cell import Cell, Context

_STRENGTHS = ("auroc", "auroc_within", "r_pb", "spearman")
_NULLS = ("null_auroc_97", "p_random", "shuffled_auroc_97", "p_shuffled")


def _enough(count: int) -> int:
    if 0 < count < 200:
        raise ValueError(f"{count} vectors do not show their 97.5 % quantile; draw 200 or more, or none")
    return count


class Predictivity(Kind[types.Estimate]):
    """AUROC, correlations and permutation p of a score for a binary label."""

    row_columns: ClassVar[bool] = True
    restricted: ClassVar[bool] = True
    derived: ClassVar[Mapping[str, Derived]] = {
        "joint": Derived("label_permutations", ("score", "label", "within", "seed"), across="family")
    }

    score: Ref[types.Table]
    label: Ref[types.Table]
    within: Column | None = None
    family: list[Family] = []
    states: Ref[types.States] | None = None
    null_vectors: Annotated[int, Field(ge=0), AfterValidator(_enough)] = 0
    seed: Annotated[int, Seed("sampling")] = 0

    @model_validator(mode="after")
    def _both(self) -> Predictivity:
        if (self.states is None) != (self.null_vectors == 0):
            raise ValueError("null_vectors are scored against states: give both, or neither")
        return self

    @classmethod
    def statistics(cls, spec: Predictivity, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str]:
        joint = ["p_max"] if spec.family else []
        nulls = _NULLS if spec.null_vectors else ()
        return [*_STRENGTHS, "p", *joint, *nulls, "detectable", "n", "n_positive"]


version = 3


def run(
    cells: Sequence[Cell[Predictivity]], context: Context
) -> Iterator[tuple[Cell[Predictivity], Artifact]]:
    for cell in cells:
        yield cell, predictivity(cell).to_artifact()


def predictivity(cell: Cell[Predictivity]) -> Estimate:
    """Every statistic, those of strength with intervals and draws."""
    behind = cell.get("row_columns")
    found = labelled(cell.inputs, cell.spec.within, behind.open() if behind else None)
    present = found.scored.present
    n, positives = int(present.sum()), int(found.scored.positive[present].sum())
    names = Predictivity.statistics(cell.spec, {})
    draws: dict[str, np.ndarray] = {}
    units = ""
    if 0 < positives < n:
        stats, draws, units = _strengths(cell, found, n)
        stats |= {
            name: Stat(value, None, None, None, n, "" if value is not None else _REASONS["auroc_within"])
            for name, value in _chances(cell, found).items()
        }
        if cell.spec.null_vectors:
            nulls = _nulls(cell.open("states"), found, cell.spec)
            stats |= {name: Stat(value, None, None, None, n) for name, value in nulls.items()}
        least = detectable(positives, n - positives)
        few = "" if least is not None else "in so few rows not even an AUROC of 1 is found"
        stats["detectable"] = Stat(least, None, None, None, n, few)
    else:
        which = (
            "no row has a score and a label"
            if not n
            else "no row is " + ("negative" if positives else "positive")
        )
        stats = dict.fromkeys(names, Stat(None, None, None, None, n, which))
    stats |= {"n": Stat(n, None, None, None, n), "n_positive": Stat(positives, None, None, None, n)}
    notes: dict[str, Json] = {
        "rows": len(found.ids),
        "excluded": {"score": found.score.excluded(), "label": found.label.excluded()},
        # Not as what the statistics are of: none of them has the unit of the score.
        "score": found.score.described(),
    }
    if cell.spec.family:
        notes["family"] = len(cell.open("joint"))
    return Estimate(
        {name: stats[name] for name in names},
        draws,
        units,
        found.score.row_set(),
        notes,
    )


def detectable(positive: int, negative: int) -> float | None:
    """The smallest AUROC above ½ that is found with probability 0.8 at p < 0.05; None where none is.

    Args:
        positive: Rows of the one class.
        negative: Rows of the other.
    """
    # Quantiles of the normal distribution at 0.975 and 0.8; the sd of U / (n₁ n₀) under the null.
    least = 0.5 + (1.959964 + 0.841621) * math.sqrt((positive + negative + 1) / (12 * positive * negative))
    return least if least <= 1 else None


def _strengths(
    cell: Cell[Predictivity], found: Labelled, n: int
) -> tuple[dict[str, Stat], dict[str, np.ndarray], str]:
    import numpy as np

    from ws_dsl.steps.analyse import _bootstrap as bootstrap
    from ws_dsl.steps.analyse._auroc import Strengths

    behind = cell.get("row_columns")
    ids = bootstrap.unit_ids(found.keys, found.ids, behind.open() if behind else None)
    scored = found.scored
    flags = [
        (bool(here and positive), bool(here and not positive))
        for here, positive in zip(scored.present, scored.positive, strict=True)
    ]
    units, smallest, blocks = bootstrap.weights(ids, flags)
    strengths = Strengths(scored)
    points = strengths.of(np.ones((1, len(found.ids))))
    drawn = [strengths.of(block) for block in blocks] if smallest > 1 else []
    stats: dict[str, Stat] = {}
    draws: dict[str, np.ndarray] = {}
    for name in _STRENGTHS:
        value = float(points[name][0])
        if value != value:
            stats[name] = Stat(None, None, None, None, n, _REASONS[name])
            continue
        every = np.concatenate([block[name] for block in drawn]) if drawn else None
        ends = None if every is None else bootstrap.interval(every)
        if every is None or ends is None:
            reason = (
                "undefined in too many resamples" if drawn else "fewer than two units to resample in a class"
            )
            stats[name] = Stat(value, None, None, None, n, f"no interval: {reason}")
            continue
        stats[name], draws[name] = Stat(value, *ends, n), every
    return stats, draws, units


_REASONS = {
    "auroc": "no pair can be compared",
    "auroc_within": "no stratum has rows of both classes",
    "r_pb": "all scores are equal",
    "spearman": "all scores are equal",
}


def _chances(cell: Cell[Predictivity], found: Labelled) -> dict[str, float | None]:
    """`p`, and `p_max` where there is a family."""
    if not cell.spec.family:
        p = float(chances([found.scored], cell.spec.seed).p[0])
        return {"p": None if p != p else p}
    joint: Table = cell.open("joint")
    place = joint.columns["cell"].index(identity(cell.inputs, FIELDS))
    return {"p": joint.columns["p"][place], "p_max": joint.columns["value"][place]}


def _nulls(states: States, found: Labelled, spec: Predictivity) -> dict[str, float]:
    """What vectors reach that know nothing of the labels.

    Raises:
        MeasurementError: the states are of other rows.
    """
    import numpy as np

    from ws_dsl.specs.canonical import digest
    from ws_dsl.steps.analyse._auroc import auroc_of_labels, row_permutations

    ((_, values),) = states.tensors.items()
    place = {key: index for index, key in enumerate(states.ids())}
    present = np.flatnonzero(found.scored.present)
    missing = [found.ids[row] for row in present if found.ids[row] not in place]
    if states.keys != found.keys or missing:
        raise MeasurementError("states are of other rows than the scores are")
    held = np.asarray(values)[[place[found.ids[row]] for row in present]].astype(np.float64)
    norms = np.linalg.norm(held, axis=1, keepdims=True)
    units = held / np.where(norms == 0, 1.0, norms)
    labels = found.scored.positive[present].astype(np.float64)

    def folded(scores: np.ndarray) -> np.ndarray:
        return np.abs(auroc_of_labels(labels[None], scores, np.zeros(len(labels)))[0] - 0.5) + 0.5

    key = int(digest(["null vectors", spec.seed, held.shape[1]])[:32], 16)
    random = np.random.Generator(np.random.Philox(key=key)).standard_normal(
        (held.shape[1], spec.null_vectors)
    )
    orders = row_permutations(found.scored.stratum[present], found.scored.unit[present], spec.seed)
    shuffled = labels[orders[: spec.null_vectors]]
    between = shuffled / shuffled.sum(axis=1, keepdims=True) - (1 - shuffled) / (1 - shuffled).sum(
        axis=1, keepdims=True
    )
    own = float(folded(found.scored.score[present][:, None])[0])
    reached: dict[str, float] = {}
    for names, vectors in zip((_NULLS[:2], _NULLS[2:]), (random, held.T @ between.T), strict=True):
        null = folded(units @ vectors)
        as_good = (1 + int((null >= own - 1e-12).sum())) / (1 + len(null))
        reached |= dict(zip(names, (float(np.quantile(null, 0.975)), as_good), strict=True))
    return reached
