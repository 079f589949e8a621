"""How long the claims are, times a factor."""

from ws_dsl.artifacts.table import Table
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind, Ref


class Lengths(Kind[types.Table]):
    of: Ref[types.Rows]
    factor: float = 1.0


version = 1


def run(cells, context):
    for cell in cells:
        rows = cell.open("of")
        values = [cell.spec.factor * len(claim) for claim in rows.columns["claim"]]
        columns = {key: rows.columns[key] for key in rows.keys}
        yield (
            cell,
            Table(rows.keys, {**columns, "value": values, "status": ["ok"] * len(rows)}, {}).to_artifact(),
        )
