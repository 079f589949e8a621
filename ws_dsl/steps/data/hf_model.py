"""A Hugging Face checkpoint.

What it does
    Gives a causal language model from a local folder, or from the Hub at a pinned revision. It enters
    keys by the digests of its files, so a moved folder is the same model and an edited one is not.
    Weights are read from safetensors only; code that comes with a repository is never run.

What it cannot show
    Whether a checkpoint behaves as its card says. Architectures whose parity is not tested are refused.

Inputs and output
    `path`: a folder; `repo`: a repository of the Hub, in its place; `revision`: its commit (the files must
    be in the Hugging Face cache or the Hub within reach); `dtype`; `bits`: 4 quantises the weights while they
    are loaded (NF4), with bitsandbytes and a card; `backend`: what runs and hooks the model. `hugging_face`
    is its own modules, hooked by ws-dsl. `transformer_lens` is an independent implementation with the same
    numbers to rounding, at several times the cost, because every edited prompt is a whole pass; it takes no
    `bits` and no `--device auto`. `over: {backend: [hugging_face, transformer_lens]}` sets both side by side.
    Gives a Model of the world `real`.

Reference
    https://huggingface.co/docs/transformers/main_classes/model
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ws_dsl.artifacts.artifact import Artifact
from ws_dsl.errors import ModelError
from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.checkpoint import hub_folder
from ws_dsl.specs.inspection import Inspection
from ws_dsl.specs.kind import Folder, Kind, Presentation
from ws_dsl.steps.cell import Cell, Context
from ws_dsl.steps.data._checkpoint import record

_LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
_REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)?$"
_FOLDER = "a folder with the files works too: path: FOLDER"


class HfModel(Kind[types.Model]):
    """A causal language model by folder, or by repository and revision."""

    path: Folder | None = None
    repo: Annotated[str | None, Presentation, Field(pattern=_REPOSITORY)] = None
    revision: Annotated[str | None, Presentation, Field(pattern=r"^[0-9a-f]{40}$")] = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    bits: Literal[4] | None = None
    backend: Literal["hugging_face", "transformer_lens"] = "hugging_face"

    @model_validator(mode="after")
    def _one_source(self) -> HfModel:
        if (self.path is None) == (self.repo is None):
            raise ValueError("write either path (a local folder) or repo with revision (a Hub model)")
        if self.repo is not None and self.revision is None:
            raise ValueError(
                "repo needs revision: the 40 hex digits of a commit, so that the model cannot change"
            )
        return self

    @classmethod
    def external(cls, spec: Any) -> dict[str, str]:
        return {} if spec.repo is None else {"path": str(hub_folder(spec.repo, spec.revision))}

    @classmethod
    def remote(cls, spec: Any) -> str | None:
        return spec.repo and f"{spec.repo} at {spec.revision[:12]}"

    @classmethod
    def fetch(cls, spec: Any) -> None:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

        patterns = ["*.json", "*.safetensors", "*.jinja", "tokenizer.model", "merges.txt", "vocab.txt"]
        try:
            snapshot_download(spec.repo, revision=spec.revision, allow_patterns=patterns)
        except GatedRepoError:
            raise ModelError(
                f"{spec.repo} is gated. Accept its licence on https://huggingface.co/{spec.repo}, "
                f"then {_LOG_IN}; {_FOLDER}"
            ) from None
        except RepositoryNotFoundError:
            raise ModelError(
                f"the Hub has no repository {spec.repo}, or it is private. If you may read it, {_LOG_IN}; "
                f"{_FOLDER}"
            ) from None
        except RevisionNotFoundError:
            raise ModelError(f"{spec.repo} has no commit {spec.revision}; {_FOLDER}") from None
        except OSError as error:  # the Hub out of reach or failing, a full disk
            reason = str(error).splitlines()[0]
            raise ModelError(
                f"{spec.repo} is not in the Hugging Face cache and cannot be fetched: {reason}\n"
                f"Run where the Hub is within reach; {_FOLDER}"
            ) from None

    @classmethod
    def foresee(cls, spec: Any, inspection: Inspection) -> dict[str, Json]:
        return {"world": "real"}


version = 1


def run(cells: Sequence[Cell[HfModel]], context: Context) -> Iterator[tuple[Cell[HfModel], Artifact]]:
    """Records a checkpoint by the digests of its files."""
    for cell in cells:
        folder, spec = cell.files["path"], cell.spec
        made = record(folder, "real", spec.repo or folder.name, spec.backend, spec.dtype, spec.bits)
        artifact = made.to_artifact()
        told = {"revision": spec.revision} if spec.repo else {}
        yield cell, artifact._replace(facts={**artifact.facts, **told})
