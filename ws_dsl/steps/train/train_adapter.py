"""An adapter trained on replies.

What it does
    Trains an adapter of PEFT on a private copy of the model, to say what the replies say: cross-entropy of
    the reply's tokens and of the token that ends the turn, which is learned wherever the reply was not cut
    short, so that replies still end. Nothing before the reply is learned. Updates are AdamW's, in float32,
    over batches of rows of like lengths; weight decay applies to parameters of which zero means no change,
    and never to gates, magnitudes and factors taken from the weights. The same key gives the same bytes. What
    was pooled, such as several personas and samples, is learned from together.

What it cannot show
    What another seed, rate or family would have learned: one adapter is one draw. A low loss says that the
    replies were learned, not what made them so.

Inputs and output
    `data`: Prompts that end with a closed reply, such as those of `generate`. Of `rows`, pooled as the data
    are, each set keeps to its own, as grades of a judge leave them; the facts say how many replies were
    dropped. `family`: as `kind` one of
    `lora`, `dora`, `pissa`, `delora`, `oft` and `ia3`, with what it takes (`lr`, the highest learning rate;
    `rank`; `alpha`, whose ratio to the rank scales the factors; `delora_lambda`, which bounds the change;
    `block`, the inputs that OFT turns together, and `terms` of its Cayley series, none for the exact map).
    `steps`: updates at most; `seed`: of initialisation and order together; `init_seed`, `order_seed`: of
    one of them, in its place; `system`: `drop` learns from prompts without their system message; `modules`:
    matrices, by default all seven, and k, v and down for IA3; `layers`: blocks by index, or those between two
    shares of depth, such as {depth: [0.3, 0.8]}, by default all; `hold_out`: share of the rows that is only
    looked at, whole groups of a column (`by`), at least one; `look_every`: steps between two looks;
    `patience`: looks without a lower loss that end training, after which the best parameters are kept;
    `batch`: rows per update; `warmup`: steps in which the rate rises; `schedule`: of the rate after
    them; `weight_decay`: share that an update takes away, times the rate; `clip`: largest norm of the
    gradient; `model`. Gives an Adapter: the standard folder of PEFT with the curves of its losses. That of
    PiSSA is the exact difference as a LoRA of twice the rank, to be put on the untouched model.

Reference
    PEFT: https://huggingface.co/docs/peft. Hu et al., LoRA, 2021. AdamW: Loshchilov and Hutter, Decoupled
    Weight Decay Regularization, 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ws_dsl.artifacts.adapter import Adapter
from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.artifacts.rows import Rows, row_set
from ws_dsl.errors import MeasurementError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.inspection import Complaint, Inspection
from ws_dsl.specs.kind import Kind, Named, Ref, Seed
from ws_dsl.specs.matrix import Matrix
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.train._examples import HoldOut, lot, without_system
from ws_dsl.steps.train._families import Family

if TYPE_CHECKING:
    from ws_dsl.models.training import Trained
    from ws_dsl.models.tuning import Tuned

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Depth(BaseModel):
    """Blocks between two shares of a model's depth, the second one left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    depth: tuple[Share, Share]

    @model_validator(mode="after")
    def _rising(self) -> Depth:
        if self.depth[0] >= self.depth[1]:
            raise ValueError(f"depth {list(self.depth)} holds no block; the first share is the smaller one")
        return self


class TrainAdapter(Kind[types.Adapter]):
    """An adapter of one family, trained on replies."""

    computes = True
    trains = True
    restricted = True
    row_columns = True

    data: Ref[types.Prompts]
    family: Family
    steps: Count
    seed: Annotated[int, Seed("init+order")]
    init_seed: Annotated[int | None, Seed("init")] = None
    order_seed: Annotated[int | None, Seed("order")] = None
    system: Literal["keep", "drop"] = "keep"
    modules: Annotated[list[Matrix], Field(min_length=1)] | None = None
    layers: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | Depth | None = None
    hold_out: HoldOut | None = None
    look_every: Count = 10
    patience: Count | None = None
    batch: Count = 16
    warmup: Annotated[int, Field(ge=0)] = 5
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(gt=0)] = 1.0
    model: Ref[types.Model] = Named("model")

    @model_validator(mode="after")
    def _looks(self) -> TrainAdapter:
        if self.patience is not None and self.hold_out is None:
            raise ValueError("patience looks at held-out rows; say which with hold_out")
        return self

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        columns = inspection.columns("data")
        by = spec.hold_out and spec.hold_out.by
        if by and columns and by not in columns:
            yield Complaint(
                "hold_out.by", "unknown-column", f"there is no column {by!r} (columns: {', '.join(columns)})"
            )
        shape = inspection.shape()
        if shape is None:
            return
        blocks = blocks_of(spec, shape.layers)
        if not blocks or max(blocks) >= shape.layers:
            yield Complaint(
                "layers",
                "unknown-layer",
                f"the model has the layers 0 to {shape.layers - 1}, not {spec.layers}",
            )
        widths = {"o": shape.heads * shape.head_width, "down": shape.neurons}
        for name in spec.modules or spec.family.usual:
            width = widths.get(name, shape.width)
            size = getattr(spec.family, "block", 1)
            if width % size:
                yield Complaint(
                    "family.block",
                    "wrong-value",
                    f"blocks of {size} do not divide the {width} inputs of {name}",
                )


version = 1


def blocks_of(spec: TrainAdapter, layers: int) -> list[int]:
    """Blocks that are trained, of a model of so many."""
    if spec.layers is None:
        return list(range(layers))
    if isinstance(spec.layers, Depth):
        first, last = (round(share * layers) for share in spec.layers.depth)
        return list(range(first, last))
    return sorted(set(spec.layers))


def run(
    cells: Sequence[Cell[TrainAdapter]], context: Context
) -> Iterator[tuple[Cell[TrainAdapter], Artifact]]:
    """One adapter after the other, each on a model of its own."""
    for cell in cells:
        yield cell, _trained(cell, context).to_artifact()


def _trained(cell: Cell[TrainAdapter], context: Context) -> Adapter:
    from ws_dsl.models.training import end_of_turn, train
    from ws_dsl.models.tuning import attach, folder

    spec = cell.spec
    handle = context.model(cell.one("model"))
    replies = [one.open() for one in cell.inputs["data"]]
    if spec.system == "drop":
        replies = [without_system(one, handle.tokenizer) for one in replies]
    behind = cell.get("row_columns")
    rows = lot(
        replies,
        _within(cell),
        behind.open() if behind else None,
        spec.hold_out,
        end_of_turn(handle.tokenizer),
    )
    tuned = attach(handle, _method(spec, handle.shape.layers), _seed(spec.init_seed, spec.seed))
    done = train(
        tuned.handle,
        tuned.decayed,
        tuned.others,
        rows.learned,
        rows.held_out,
        _settings(spec),
        _seed(spec.order_seed, spec.seed),
        context.advance,
    )
    made_on = sorted({row_set(one.ids()) for one in replies})
    notes = {"rows": len(rows.learned), "held_out": len(rows.held_out), **_notes(spec, tuned, done)}
    notes |= {"dropped": rows.dropped} if cell.inputs.get("rows") else {}
    curves: dict[str, list[Any]] = {
        "train": done.train,
        "validation": [[step, loss] for step, loss in done.validation],
    }
    return Adapter(folder(tuned), cell.one("model").digest, made_on, curves, notes)


def _within(cell: Cell[TrainAdapter]) -> list[Rows | None]:
    """The rows of each set of replies that are used; a set that was filtered has its own.

    Raises:
        MeasurementError: the rows differ along other axes than the replies.
    """
    replies, rows = cell.inputs["data"], cell.inputs.get("rows", [])
    if len(rows) < 2:
        return [rows[0].open() if rows else None] * len(replies)
    own = {one.pooled: one for one in rows}
    if set(own) != {one.pooled for one in replies}:
        raise MeasurementError(
            "`rows` differ along other axes than the replies that are learned from together"
        )
    return [own[one.pooled].open() for one in replies]


def _seed(own: int | None, shared: int) -> int:
    return shared if own is None else own


def _method(spec: TrainAdapter, layers: int) -> Any:
    from ws_dsl.models.tuning import Method

    family = spec.family
    return Method(
        family.type,
        family.settings(),
        list(dict.fromkeys(spec.modules or family.usual)),
        blocks_of(spec, layers),
        family.decayed,
        family.replaces,
    )


def _settings(spec: TrainAdapter) -> Any:
    from ws_dsl.models.training import Settings

    return Settings(
        spec.steps,
        spec.batch,
        spec.family.lr,
        spec.warmup,
        spec.schedule,
        spec.weight_decay,
        spec.clip,
        spec.look_every,
        spec.patience,
    )


def _notes(spec: TrainAdapter, tuned: Tuned, done: Trained) -> dict[str, Json]:
    """What the manifest tells of it."""
    tail = done.train[-10:]
    parameters = sum(one.numel() for one in (*tuned.decayed.values(), *tuned.others.values()))
    notes: dict[str, Json] = {
        "family": spec.family.kind,
        "parameters": parameters,
        "steps": done.kept,
        "train_loss": round(sum(tail) / len(tail), 6),
    }
    if done.validation:
        notes["validation_loss"] = round(dict(done.validation).get(done.kept, done.validation[-1][1]), 6)
    return notes
