"""`lock`."""

from __future__ import annotations

from typing import Any

from ws_dsl.cli.options import AsJson, Paths, RegistryDir, open_session, open_studies, studies_at
from ws_dsl.cli.output import data, say, today
from ws_dsl.run.lock import lock as append


def lock(paths: Paths, registry: RegistryDir = None, json: AsJson = False) -> None:
    """Register the rules of studies before results: later changes are printed as post hoc."""
    session = open_session(registry)
    entries: list[dict[str, Any]] = []
    for study in open_studies(session, studies_at(paths)):
        name = study.plan.spec.id
        entry = append(study.plan, study.state, today())
        if entry is None:
            entries.append({"study": name, "registered": None})
            say(f"{name}: these rules are registered already")
            continue
        entries.append(entry._asdict())
        late = f", after {len(entry.results)} results existed: they stay post hoc" if entry.results else ""
        say(f"{name}: registered {entry.registered}{late}")
    if json:
        data({"registrations": entries})
