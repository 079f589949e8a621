"""Where every number of a page comes from: its artifact, and what that was made from."""

from __future__ import annotations

from ws_dsl.artifacts.estimate import Estimate
from ws_dsl.plan.node import Node
from ws_dsl.report.account import ArtifactView, InputView
from ws_dsl.report.frames import Results
from ws_dsl.report.quantity import Quantity
from ws_dsl.specs import types


def provenance(results: Results) -> tuple[ArtifactView, ...]:
    """Every artifact of a study in the order of its plan; cells that share one are told each."""
    return tuple(_artifact(node, results) for node in results.plan.nodes)


def _artifact(node: Node, results: Results) -> ArtifactView:
    state = results.state
    derivation = state.derivations[node]
    return ArtifactView(
        node.step,
        node.labels,
        node.kind.name,
        node.kind.version,
        state.keys[node],
        state.digests[node],
        {name: value for name, value in derivation["params"].items() if value is not None},
        tuple(
            InputView(field, edge.node.step, edge.node.labels, state.keys[edge.node], edge.column)
            for field, edges in node.inputs.items()
            for edge in edges
        ),
        derivation["environment"],
        results.facts(node),
        quantities(results.open(node), state.keys[node]) if types.Estimate in node.types else (),
    )


def quantities(estimate: Estimate, key: str) -> tuple[Quantity, ...]:
    """Statistics of an Estimate as they are printed."""
    return tuple(
        Quantity(name, stat.value, stat.low, stat.high, stat.n, stat.reason, key)
        for name, stat in estimate.stats.items()
    )
