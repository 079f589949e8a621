"""Families of adapters: what each trains, and what PEFT is asked for."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from ws_dsl.specs.matrix import MATRICES, Matrix

Positive: TypeAlias = Annotated[float, Field(gt=0)]
Rank: TypeAlias = Annotated[int, Field(ge=1)]


class _Family(BaseModel):
    """A family with its settings.

    Class attributes:
        type: PEFT's name of it.
        usual: Matrices that it changes where the study names none.
        decayed: Parts of names of parameters that weight decay may pull towards zero: those of which zero
            means no change. Pulled towards zero, a gate of one closes and a factor taken from the weights
            forgets them.
        replaces: Whether its initialisation writes to the weights that it is attached to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    type: ClassVar[str]
    usual: ClassVar[tuple[Matrix, ...]] = MATRICES
    decayed: ClassVar[tuple[str, ...]] = ()
    replaces: ClassVar[bool] = False

    def model_post_init(self, context: Any) -> None:
        # Written in Python, a family is told by its class; a study needs the word.
        self.model_fields_set.add("kind")

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What the configuration of PEFT is given."""


class Lora(_Family):
    """ΔW = (alpha/rank) B A (Hu et al. 2021)."""

    type = "LORA"
    decayed = ("lora_A", "lora_B")

    kind: Literal["lora"] = "lora"
    lr: Positive = 5e-4
    rank: Rank = 8
    alpha: Positive | None = None

    def settings(self) -> dict[str, Any]:
        return {"r": self.rank, "lora_alpha": self.alpha or 2 * self.rank}


class Dora(_Family):
    """W + ΔW = m (W + (alpha/rank) B A) / its norms by row (Liu et al. 2024)."""

    type = "LORA"
    decayed = ("lora_A", "lora_B")

    kind: Literal["dora"] = "dora"
    lr: Positive = 5e-4
    rank: Rank = 8
    alpha: Positive | None = None

    def settings(self) -> dict[str, Any]:
        return {"r": self.rank, "lora_alpha": self.alpha or 2 * self.rank, "use_dora": True}


class Pissa(_Family):
    """ΔW = (alpha/rank)(B A − B₀ A₀), begun at the first singular triples of W (Meng et al. 2024)."""

    type = "LORA"
    replaces = True

    kind: Literal["pissa"] = "pissa"
    lr: Positive = 3e-4
    rank: Rank = 8
    alpha: Positive | None = None

    def settings(self) -> dict[str, Any]:
        return {"r": self.rank, "lora_alpha": self.alpha or self.rank, "init_lora_weights": "pissa"}


class Delora(_Family):
    """ΔW = B diag(λ / (rank ‖aᵢ‖ ‖bᵢ‖)) A diag(norms of the columns of W), λ trained (Bini et al. 2025)."""

    type = "DELORA"

    kind: Literal["delora"] = "delora"
    lr: Positive = 3e-3
    rank: Rank = 8
    delora_lambda: Positive = 1.0

    def settings(self) -> dict[str, Any]:
        return {"r": self.rank, "delora_lambda": self.delora_lambda}


class Oft(_Family):
    """W + ΔW = W Rᵀ, R a rotation in blocks, by Cayley's map of a skew matrix (Qiu et al. 2023)."""

    type = "OFT"
    decayed = ("oft_R",)

    kind: Literal["oft"] = "oft"
    lr: Positive = 8e-4
    block: Annotated[int, Field(ge=2)] = 32
    terms: Annotated[int, Field(ge=4)] | None = 5

    def settings(self) -> dict[str, Any]:
        series = {} if self.terms is None else {"num_cayley_neumann_terms": self.terms}
        exact = self.terms is None
        return {"r": 0, "oft_block_size": self.block, "use_cayley_neumann": not exact, **series}


class Ia3(_Family):
    """ΔW = (l − 1) W by row, or by column for `down` (Liu et al. 2022)."""

    type = "IA3"
    usual = ("k", "v", "down")

    kind: Literal["ia3"] = "ia3"
    lr: Positive = 5e-3

    def settings(self) -> dict[str, Any]:
        return {}


Family: TypeAlias = Annotated[Lora | Dora | Pissa | Delora | Oft | Ia3, Field(discriminator="kind")]
