"""A model that is only a name, so that a run takes milliseconds."""

from ws_dsl.artifacts.model import Model
from ws_dsl.specs import types
from ws_dsl.specs.kind import Kind


class PaperModel(Kind[types.Model]):
    @classmethod
    def foresee(cls, spec, inspection):
        return {"world": "organism"}


version = 1


def run(cells, context):
    for cell in cells:
        yield (
            cell,
            Model({}, "0" * 64, "organism", "float32", None, "hugging_face", "paper").to_artifact(),
        )
