"""No kind changes under an unchanged version without a word."""

from __future__ import annotations

from tests.steps import versions


def test_sources_are_those_of_the_recorded_versions():
    drifted = versions.drifted(versions.read())
    assert not drifted, (
        f"the source behind {', '.join(drifted)} has changed, and their versions have not.\n"
        "Where results may differ: raise `version` in the kind's file, then python -m tests.steps.versions\n"
        'Where they cannot:        python -m tests.steps.versions --reason "why not"'
    )


def test_every_version_is_recorded():
    missing = versions.unrecorded(versions.read())
    assert not missing, f"{', '.join(missing)} not recorded as they are; run python -m tests.steps.versions"


def test_waivers_say_why():
    assert all(waiver["reason"].strip() for waiver in versions.read()["waivers"])


def test_what_a_kind_depends_on_is_found_through_functions_and_neighbours():
    found = versions.dependencies("ws_dsl.steps.measure.logit_diff")
    assert "ws_dsl.steps.measure._tokens" in found
    assert {"ws_dsl.models.readout", "ws_dsl.artifacts.table"} <= found
    assert not any(name.startswith(("ws_dsl.run", "ws_dsl.report", "ws_dsl.registry")) for name in found)


def test_docstrings_comments_and_layout_are_no_drift():
    import ast

    plain = "def f(x):\n    return x + 1\n"
    told = '"""Doc."""\ndef f(x):  # why\n    """What."""\n    return (\n        x + 1\n    )\n'
    bare = [
        ast.dump(versions._Bare().visit(ast.parse(source)))
        for source in (plain, told, plain.replace("1", "2"))
    ]
    assert bare[0] == bare[1] != bare[2]
