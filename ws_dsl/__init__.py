"""A declarative language for experiments on language models, with a registry of what they made.

Studies are written in YAML, or in Python with the names below: every kind by the CamelCase of its name
(`LogitDiff` for `logit_diff`), imported when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ws_dsl.specs.kind import (
        Axis,
        Column,
        Family,
        File,
        Folder,
        HeldOut,
        Kind,
        Levels,
        Ref,
        Seed,
        none,
        varied,
    )
    from ws_dsl.specs.twin import Patch, Study
    from ws_dsl.steps.ablate.equal_norms import EqualNorms
    from ws_dsl.steps.ablate.layers import Layers
    from ws_dsl.steps.ablate.modules import Modules
    from ws_dsl.steps.ablate.parameters import Parameters
    from ws_dsl.steps.ablate.random_delta import RandomDelta
    from ws_dsl.steps.ablate.spectrum import Spectrum
    from ws_dsl.steps.ablate.subspace import Subspace
    from ws_dsl.steps.analyse.average import Average
    from ws_dsl.steps.analyse.choose import Choose
    from ws_dsl.steps.analyse.chosen import Chosen
    from ws_dsl.steps.analyse.correlation import Correlation
    from ws_dsl.steps.analyse.diagonal import Diagonal
    from ws_dsl.steps.analyse.difference import Difference
    from ws_dsl.steps.analyse.dose_response import DoseResponse
    from ws_dsl.steps.analyse.group_gap import GroupGap
    from ws_dsl.steps.analyse.joint_test import JointTest
    from ws_dsl.steps.analyse.label_permutations import LabelPermutations
    from ws_dsl.steps.analyse.off_diagonal import OffDiagonal
    from ws_dsl.steps.analyse.predictivity import Predictivity
    from ws_dsl.steps.analyse.ratio import Ratio
    from ws_dsl.steps.analyse.recall import Recall
    from ws_dsl.steps.analyse.removed_fraction import RemovedFraction
    from ws_dsl.steps.analyse.similarity import Similarity
    from ws_dsl.steps.analyse.spread import Spread
    from ws_dsl.steps.analyse.stack import Stack
    from ws_dsl.steps.analyse.subset import Subset
    from ws_dsl.steps.analyse.summary import Summary
    from ws_dsl.steps.analyse.surgical_informedness import SurgicalInformedness
    from ws_dsl.steps.analyse.vector_norm import VectorNorm
    from ws_dsl.steps.data.dataset import Dataset
    from ws_dsl.steps.data.hf_model import HfModel
    from ws_dsl.steps.data.organism import Organism
    from ws_dsl.steps.data.prompts import Prompts
    from ws_dsl.steps.data.split import Split
    from ws_dsl.steps.extract.activation_basis import ActivationBasis
    from ws_dsl.steps.extract.class_mean_diff import ClassMeanDiff
    from ws_dsl.steps.extract.constructive_delta import ConstructiveDelta
    from ws_dsl.steps.extract.final_states import FinalStates
    from ws_dsl.steps.extract.imported_vectors import ImportedVectors
    from ws_dsl.steps.extract.logistic_probe import LogisticProbe
    from ws_dsl.steps.extract.mean_diff import MeanDiff
    from ws_dsl.steps.extract.own_svd import OwnSvd
    from ws_dsl.steps.extract.pca_diff import PcaDiff
    from ws_dsl.steps.extract.random_basis import RandomBasis
    from ws_dsl.steps.extract.random_vectors import RandomVectors
    from ws_dsl.steps.extract.rank_by_attribution import RankByAttribution
    from ws_dsl.steps.extract.rank_by_effect import RankByEffect
    from ws_dsl.steps.extract.rank_by_shift import RankByShift
    from ws_dsl.steps.extract.ridge_direction import RidgeDirection
    from ws_dsl.steps.extract.shared_svd import SharedSvd
    from ws_dsl.steps.extract.states import States
    from ws_dsl.steps.extract.weight_directions import WeightDirections
    from ws_dsl.steps.intervene.add_adapter import AddAdapter
    from ws_dsl.steps.intervene.add_vector import AddVector
    from ws_dsl.steps.intervene.add_weights import AddWeights
    from ws_dsl.steps.intervene.calibrate import Calibrate
    from ws_dsl.steps.intervene.clamp import Clamp
    from ws_dsl.steps.intervene.combine import Combine
    from ws_dsl.steps.intervene.project_out import ProjectOut
    from ws_dsl.steps.intervene.scale import Scale
    from ws_dsl.steps.intervene.system_prompt import SystemPrompt
    from ws_dsl.steps.measure._endpoint import Endpoint
    from ws_dsl.steps.measure._tokens import Tokens
    from ws_dsl.steps.measure.answer_distribution import AnswerDistribution
    from ws_dsl.steps.measure.cosine import Cosine
    from ws_dsl.steps.measure.generate import Generate
    from ws_dsl.steps.measure.judge import Judge
    from ws_dsl.steps.measure.kl import Kl
    from ws_dsl.steps.measure.lexicon import Lexicon
    from ws_dsl.steps.measure.logit_diff import LogitDiff
    from ws_dsl.steps.measure.next_token import NextToken
    from ws_dsl.steps.measure.nll import Nll
    from ws_dsl.steps.measure.overlap import Overlap
    from ws_dsl.steps.measure.parse_answers import ParseAnswers
    from ws_dsl.steps.measure.perturbation import Perturbation
    from ws_dsl.steps.measure.refusal import Refusal
    from ws_dsl.steps.measure.repetition import Repetition
    from ws_dsl.steps.measure.sample_answers import SampleAnswers
    from ws_dsl.steps.train._families import Delora, Dora, Ia3, Lora, Oft, Pissa
    from ws_dsl.steps.train.merge import Merge
    from ws_dsl.steps.train.train_adapter import TrainAdapter
    from ws_dsl.steps.train.weight_diff import WeightDiff

__all__ = [
    "ActivationBasis",
    "AddAdapter",
    "AddVector",
    "AddWeights",
    "AnswerDistribution",
    "Average",
    "Axis",
    "Calibrate",
    "Choose",
    "Chosen",
    "Clamp",
    "ClassMeanDiff",
    "Column",
    "Combine",
    "ConstructiveDelta",
    "Correlation",
    "Cosine",
    "Dataset",
    "Delora",
    "Diagonal",
    "Difference",
    "Dora",
    "DoseResponse",
    "Endpoint",
    "EqualNorms",
    "Family",
    "File",
    "FinalStates",
    "Folder",
    "Generate",
    "GroupGap",
    "HeldOut",
    "HfModel",
    "Ia3",
    "ImportedVectors",
    "JointTest",
    "Judge",
    "Kind",
    "Kl",
    "LabelPermutations",
    "Layers",
    "Levels",
    "Lexicon",
    "LogisticProbe",
    "LogitDiff",
    "Lora",
    "MeanDiff",
    "Merge",
    "Modules",
    "NextToken",
    "Nll",
    "OffDiagonal",
    "Oft",
    "Organism",
    "Overlap",
    "OwnSvd",
    "Parameters",
    "ParseAnswers",
    "Patch",
    "PcaDiff",
    "Perturbation",
    "Pissa",
    "Predictivity",
    "ProjectOut",
    "Prompts",
    "RandomBasis",
    "RandomDelta",
    "RandomVectors",
    "RankByAttribution",
    "RankByEffect",
    "RankByShift",
    "Ratio",
    "Recall",
    "Ref",
    "Refusal",
    "RemovedFraction",
    "Repetition",
    "RidgeDirection",
    "SampleAnswers",
    "Scale",
    "Seed",
    "SharedSvd",
    "Similarity",
    "Spectrum",
    "Split",
    "Spread",
    "Stack",
    "States",
    "Study",
    "Subset",
    "Subspace",
    "Summary",
    "SurgicalInformedness",
    "SystemPrompt",
    "Tokens",
    "TrainAdapter",
    "VectorNorm",
    "WeightDiff",
    "WeightDirections",
    "none",
    "varied",
]

_GRAMMAR = {
    "Study": "twin",
    "Patch": "twin",
    **dict.fromkeys(
        (
            "Axis",
            "Column",
            "Family",
            "File",
            "Folder",
            "HeldOut",
            "Kind",
            "Levels",
            "Ref",
            "Seed",
            "none",
            "varied",
        ),
        "kind",
    ),
}
_FAMILIES = ("Delora", "Dora", "Ia3", "Lora", "Oft", "Pissa")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _GRAMMAR:
        return getattr(import_module(f"ws_dsl.specs.{_GRAMMAR[name]}"), name)
    if name == "Endpoint":
        return import_module("ws_dsl.steps.measure._endpoint").Endpoint
    if name == "Tokens":
        return import_module("ws_dsl.steps.measure._tokens").Tokens
    if name in _FAMILIES:
        return getattr(import_module("ws_dsl.steps.train._families"), name)
    if name in __all__:
        from ws_dsl.specs.kinds import find_class

        return find_class(name)
    raise AttributeError(f"module 'ws_dsl' has no attribute {name!r}")
