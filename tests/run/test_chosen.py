"""The chosen cell is given byte for byte, and only its change makes what reads it stale."""

from __future__ import annotations

from tests.run.lab import Lab, small
from ws_dsl.run.context import Library


def test_the_chosen_cell_is_given_byte_for_byte(lab: Lab):
    study = small()
    study["steps"] |= {
        "best": {
            "kind": "choose",
            "of": "shift[arm=named]",
            "axes": ["site"],
            "statistic": "mean",
            "take": "min",
        },
        "final": "shift[arm=named, best]",
        "rows": "delta[arm=named, best]",
        "again": {"kind": "summary", "of": "rows", "stats": ["mean", "median", "share_gt_0"]},
    }
    ran = lab.run(study)
    plan, state = ran.opened.plan, ran.opened.state
    library = Library(lab.open(study)[0].store)
    means = {
        tuple(labels.items()): library.open(state.keys[node], state.digests[node]).stats["mean"].value
        for labels, node in plan.view("shift[arm=named]")[0].entries
        if node is not None
    }
    for labels, node in plan.view("final")[0].entries:
        assert node is not None
        candidates = {dict(edge.labels)["site"]: edge.node for edge in node.inputs["of"]}
        own = {
            label: value
            for key, value in means.items()
            for label in [dict(key)["site"]]
            if dict(key).items() >= labels.items()
        }
        assert state.digests[node] == state.digests[candidates[min(own, key=own.__getitem__)]]
    assert [state.digests[node] for _, node in plan.view("again")[0].entries if node] == [
        state.digests[node] for _, node in plan.view("final")[0].entries if node
    ]
    assert not lab.run(study).computed
