"""The reference of kinds: each one's documentation, fields, example, and the studies that use it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from ruamel.yaml import YAML

from ws_dsl.report.fields import FieldView, fields, type_text
from ws_dsl.specs import kinds, types
from ws_dsl.specs.documentation import sections
from ws_dsl.specs.kind import gives, input_fields

VERBS = {
    "data": "Models, rows and prompts: what a study starts from.",
    "train": "Parameters of one's own.",
    "extract": "Activations, directions and components, taken from a model.",
    "intervene": "Arms: what is done to a model while it is measured.",
    "ablate": "Parts of an intervention, kept or dropped.",
    "measure": "Observations, one per row.",
    "analyse": "Numbers from observations.",
    "check": "Conditions that fail a study. Those marked “always” run in every study without being asked.",
    "own": "Kinds of this project, from `experiments/kinds/`.",
}
"""Folders of kinds in the order of a study, with what they are for."""

_Types = tuple[type[types.Type], ...]
_STEP = re.compile(r"^(?P<indent> +)(?P<name>[a-z][a-z0-9_]*): *(?P<rest>.*)$")
_KIND = re.compile(r"\bkind: *([a-z][a-z0-9_]*)")
_FENCED_YAML = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)


class KindView(NamedTuple):
    """A kind as its page shows it.

    Attributes:
        name: As it is written after `kind:`.
        verb: The folder it is in.
        title: The first line of its documentation.
        said: The four sections of its documentation by heading.
        fields: What it takes.
        gives: Types that it gives.
        read_by: Kinds that take one of these.
        taken_from: Kinds that give what it takes, by field.
        axes: Axes that it makes itself.
        always: Whether it is a check that runs in every study.
        example: A step of this kind, as YAML; empty where there is none to show.
    """

    name: str
    verb: str
    title: str
    said: dict[str, str]
    fields: list[FieldView]
    gives: list[str]
    read_by: list[str]
    taken_from: dict[str, list[str]]
    axes: list[str]
    always: bool
    example: str


def views(texts: Iterable[str]) -> list[KindView]:
    """Every kind, by verb and name.

    Args:
        texts: YAML of studies, from which examples are taken; the shortest of each kind is shown.

    Raises:
        BrokenKind: a kind of the user's cannot be read.
    """
    found = {name: kinds.find(name) for name in kinds.names()}
    steps = {name: kind.spec for name, kind in found.items() if kind.verb != "check"}
    given = {name: gives(spec) for name, spec in steps.items()}
    accepted = {name: [one.accepts for one in input_fields(spec).values()] for name, spec in steps.items()}
    examples = _examples(texts)
    order = list(VERBS)
    ordered = sorted(found.values(), key=lambda kind: (order.index(kind.verb), kind.name))
    return [_view(kind, given, accepted, examples) for kind in ordered]


def _view(
    kind: kinds.KindModule,
    given: dict[str, _Types],
    accepted: dict[str, list[_Types]],
    examples: dict[str, str],
) -> KindView:
    said, own = sections(kind.documentation), gives(kind.spec)
    always = kind.verb == "check" and "gather" in vars(kind.spec)
    return KindView(
        name=kind.name,
        verb=kind.verb,
        title=said.pop("Title"),
        said=said,
        fields=fields(kind),
        gives=_type_names(own),
        read_by=[other for other, refs in accepted.items() if any(_fits(own, types_) for types_ in refs)],
        taken_from={
            name: [other for other, types_ in given.items() if _fits(types_, one.accepts)]
            for name, one in input_fields(kind.spec).items()
        },
        axes=_axes(kind),
        always=always,
        example=broken(examples.get(kind.name, "" if always else generated(kind))),
    )


def yaml_of(folder: Path, suffixes: Sequence[str]) -> list[str]:
    """YAML in a folder's files: whole files of studies, fenced blocks of Markdown."""
    texts: list[str] = []
    for path in sorted(path for path in folder.glob("*") if path.suffix in suffixes):
        text = path.read_text(encoding="utf-8")
        texts += _FENCED_YAML.findall(text) if path.suffix == ".md" else [text]
    return texts


def _examples(texts: Iterable[str]) -> dict[str, str]:
    """The shortest step of every kind; of steps as long, the first."""
    best: dict[str, str] = {}
    for text in texts:
        for name, step in _steps(text):
            if name not in best or len(step) < len(best[name]):
                best[name] = step
    return best


def _steps(text: str) -> list[tuple[str, str]]:
    """Steps and checks of a study with their kinds, as written, comments left out."""
    lines = [line.rstrip() for line in text.splitlines() if not line.lstrip().startswith("#")]
    found: list[tuple[str, str]] = []
    section = ""
    for at, line in enumerate(lines):
        if line and line[0] != " ":
            section = line.split(":")[0]
            if section == "model" and (named := _KIND.search(line)):
                found.append((named[1], line))
        start = _STEP.match(line)
        if start is None or section not in ("steps", "checks") or len(start["indent"]) != 2:
            continue
        block = [line]
        for below in lines[at + 1 :]:
            if not below.startswith("   "):
                break
            block.append(below)
        head = (
            start["rest"] if start["rest"] else "\n".join(one for one in block if one.startswith("    kind"))
        )
        if named := _KIND.search(head):
            found.append((named[1], textwrap.dedent("\n".join(block))))
    return found


def broken(step: str, width: int = 76) -> str:
    """A step on one line that is longer than a width, one field a line."""
    name, brace, rest = step.partition(": {")
    if len(step) <= width or "\n" in step or not brace:
        return step
    return "\n".join([f"{name}:", *(f"  {field}" for field in _parts(rest.removesuffix("}")))])


def _parts(text: str) -> list[str]:
    """Text between the commas that stand outside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        quote = "" if letter == quote else quote or (letter if letter in "\"'" else "")
        depth += 0 if quote else (letter in "[{") - (letter in "]}")
        if letter == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


@cache
def generated(kind: kinds.KindModule) -> str:
    """A step of the required fields alone, types in the place of references; empty where it is none."""
    references = input_fields(kind.spec)
    written: dict[str, str] = {}
    for name, info in kind.spec.model_fields.items():
        if info.is_required():
            accepts = references[name].accepts if name in references else ()
            field = info.alias or name
            written[field] = accepts[0].__name__.lower() if accepts else _stand_in(name, info)
    inside = ", ".join(f"{name}: {value}" for name, value in written.items())
    try:
        kind.spec.model_validate(YAML(typ="safe", pure=True).load(f"{{{inside}}}"))  # pyright: ignore[reportUnknownMemberType]
    except ValidationError:
        return ""
    return f"{kind.name}: {{kind: {kind.name}{', ' * bool(inside)}{inside}}}"


def _stand_in(name: str, info: Any) -> str:
    said = type_text(info.annotation)
    if said.startswith("`"):
        return said.split("`")[1]
    if said.startswith("list of list"):
        return "[[a]]"
    if said.startswith("list of"):
        return f"[{said.split('`')[1] if '`' in said else 'a'}]"
    if said.startswith("mapping"):
        return "{a: 0.5}" if said.endswith("number") else "{a: a}"
    if said.startswith("{plus"):
        return '{plus: [" Yes"], minus: [" No"]}'
    return {"whole number": "1", "number": "0.5"}.get(said, name)


def _axes(kind: kinds.KindModule) -> list[str]:
    """Axes named in its documentation as made."""
    said = sections(kind.documentation).get("Inputs and output", "")
    return re.findall(r"[Mm]akes the axis `([a-z_]+)`", said)


def _type_names(given: Sequence[type[types.Type]]) -> list[str]:
    return ["the type that it is given" if one is types.Type else one.__name__ for one in given]


@cache
def _fits(given: _Types, accepts: _Types) -> bool:
    return any(one is not types.Type and issubclass(one, accepts) for one in given)
