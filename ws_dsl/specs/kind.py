"""Kinds: what a step may be.

A kind is a pydantic model whose reference fields are typed by what they accept (`Ref[types.Prompts]`) and
whose type parameter is what it gives (`Kind[types.Table]`). Written in Python, an instance is a declaration:
it keeps what was written and is validated with the whole study, exactly like its YAML twin.
"""

from __future__ import annotations

import types as builtin_types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Generic,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel, ConfigDict
from pydantic_core import core_schema

from ws_dsl.specs import types
from ws_dsl.specs.canonical import Json
from ws_dsl.specs.reference import Item, Pick, Reference, Rename, parse

if TYPE_CHECKING:
    from ws_dsl.specs.inspection import Complaint, Inspection

T_co = TypeVar("T_co", covariant=True)

RESERVED = ("over", "except", "pool", "rows", "until")
"""Fields that every step takes beside those of its kind."""


class Ref(Generic[T_co]):
    """A reference to cells of type `T_co`: a step, a view of one, or its text."""

    def sel(self, **labels: str | list[str]) -> View[T_co]:
        """The cells with these labels; a single label drops its axis."""
        picks = (Pick(axis, tuple(v) if isinstance(v, list) else (str(v),)) for axis, v in labels.items())
        return View(self, tuple(picks))

    def rename(self, **axes: str) -> View[T_co]:
        """The same cells with axes renamed: `rename(paraphrase="baseline")`."""
        return View(self, tuple(Rename(axis, new) for axis, new in axes.items()))

    def pick(self, choice: Ref[types.Choice]) -> View[T_co]:
        """The cells that a `choose` step chose, along the axes that it chose along."""
        return View(self, (ChosenBy(choice),))

    def column(self, name: str) -> View[types.Table]:
        """A column of a Table, or of Rows as a Table."""
        return View(self, (), name)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_as_reference)


class ChosenBy(NamedTuple):
    """A choice in Python, by its step."""

    choice: Ref[types.Choice]


class View(Ref[T_co]):
    """Selections and renames on top of another reference, as made by `sel`, `rename` and `column`."""

    def __init__(self, base: Ref[Any], items: tuple[Item | ChosenBy, ...], picked: str | None = None):
        self.base = base
        self.items = items
        self.picked = picked


class Inline(NamedTuple):
    """A step written in the place of a reference."""

    step: Mapping[str, Any]


class Named(Ref[T_co]):
    """A reference by text, for defaults: `Named("model")`."""

    def __init__(self, text: str):
        self.reference = parse(text)


none: Named[types.Arm] = Named("none")
"""The arm that changes nothing."""


varied: Any = object()
"""Stands, in Python, for a required field whose values are in `over`."""


def _as_reference(value: object) -> object:
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, Mapping) and "kind" in value:
        return Inline(value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, Named):
        return value.reference  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(value, (Reference, Inline)):
        return value
    raise ValueError("expected the name of a step, or a step written in place ({kind: ...})")


class _Mark(NamedTuple):
    name: str


Axis = Annotated[str, _Mark("axis")]
"""The name of an axis, which the step consumes."""
Family = Annotated[str, _Mark("family")]
"""The name of an axis that the step keeps, and that a derived input takes whole."""
HeldOut = Annotated[str, _Mark("hold_out")]
"""The name of an axis that the step keeps; a cell reads all its labels but its own."""
Column = Annotated[str, _Mark("column")]
"""The name of a row column."""
Levels = Annotated[str, _Mark("column"), _Mark("levels")]
"""The name of a row column whose values become an axis of that name, a cell for each."""
File = Annotated[str, _Mark("file")]
"""A path relative to the study; its content, not the path, is in the key."""
Folder = Annotated[str, _Mark("folder")]
"""A checkpoint folder; the digests of its files, not the path, are in the key."""
Presentation = _Mark("presentation")
"""Marks a field that changes no number and is not in the key: `Annotated[str, Presentation]`."""


class Since(NamedTuple):
    """Marks a field added after version 1 of a kind: left out of the key while equal to `compatible`."""

    compatible: Json


class Seed(NamedTuple):
    """Marks a seed with what it varies: `data`, `init`, `order` or `sampling`; unlike scopes never join."""

    scope: str


class Derived(NamedTuple):
    """An input that the planner makes from the step's own fields.

    Attributes:
        kind: The kind that makes it.
        fields: The step's fields it is given, under the same names.
        settings: Literal fields it is given.
        across: The step's field that names the axes which the input takes whole (see `Family`); without them
            there is no such input. It may be restricted to rows as the step is.
    """

    kind: str
    fields: tuple[str, ...]
    settings: Mapping[str, Json] = builtin_types.MappingProxyType({})
    across: str = ""


@dataclass(frozen=True)
class InputField:
    """What a reference field accepts.

    Attributes:
        accepts: Types that may be referred to; `Type` accepts all.
        optional: Whether it may be absent.
        literal: Whether a value that is no reference is a parameter.
    """

    accepts: tuple[type[types.Type], ...]
    optional: bool
    literal: bool


class Kind(BaseModel, Ref[T_co], Generic[T_co]):
    """Base of all kinds.

    Class attributes:
        computes: Whether it runs a model, which puts the environment class into the key.
        trains: Whether it trains parameters, which puts the version of PEFT into it too.
        derived: Inputs that the planner makes.
        consumed: Reference fields that only the derived inputs read.
        made_before: Types that nothing it is made from may be, however far back.
        restricted: Whether `run` honours `rows` where the kind has no such field of its own.
        row_columns: Whether `run` receives the Rows behind its first input, as `row_columns`.
        labelled: Whether `run` is told the labels of the cells that it takes together along axes; a check,
            all labels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    computes: ClassVar[bool] = False
    trains: ClassVar[bool] = False
    derived: ClassVar[Mapping[str, Derived]] = {}
    consumed: ClassVar[tuple[str, ...]] = ()
    row_columns: ClassVar[bool] = False
    made_before: ClassVar[tuple[type[types.Type], ...]] = ()
    restricted: ClassVar[bool] = False
    labelled: ClassVar[bool] = False

    if TYPE_CHECKING:
        over: Mapping[str, Any] = {}
        except_: Sequence[Mapping[str, Any]] = ()
        pool: str | Sequence[str] = ()
        rows: Ref[types.Rows] | None = None
    else:

        def __init__(self, **written: Any):
            object.__setattr__(self, "__dict__", {"written": written})
            object.__setattr__(self, "__pydantic_fields_set__", set(written))
            object.__setattr__(self, "__pydantic_extra__", None)
            object.__setattr__(self, "__pydantic_private__", None)

        __init__.__pydantic_base_init__ = True

        def __hash__(self) -> int:
            return id(self)

        def __eq__(self, other: object) -> bool:
            return self is other

    @classmethod
    def made(cls, spec: Any) -> dict[str, list[str]]:
        """Axes that the kind makes itself, with their labels."""
        return {}

    @classmethod
    def levels(cls, spec: Any, column: str, read: Callable[[str], bytes]) -> list[str] | None:
        """Values of a column of the Rows it gives, in order; None where there are no such levels.

        Args:
            spec: Its fields.
            column: The column.
            read: The content of the external file that a field names.
        """
        return None

    @classmethod
    def external(cls, spec: Any) -> dict[str, str]:
        """Files and folders outside the study that it reads, beside its marked fields."""
        return {}

    @classmethod
    def looks_behind(cls, spec: Any) -> bool:
        """Whether it receives `row_columns`, of a kind that can."""
        return cls.row_columns

    @classmethod
    def statistics(cls, spec: Any, inputs: Mapping[str, Sequence[str] | None]) -> Sequence[str] | None:
        """Statistics of the Estimate it gives, from those of its inputs; None where not known before."""
        return None

    @classmethod
    def remote(cls, spec: Any) -> str | None:
        """What `fetch` would bring to the places that `external` names; None where nothing is remote."""
        return None

    @classmethod
    def fetch(cls, spec: Any) -> None:
        """Brings what is remote to this machine; called by a run, never while planning."""

    @classmethod
    def foresee(cls, spec: Any, inspection: Inspection) -> dict[str, Json]:
        """Facts of the artifact that are known before it exists, such as its `world`."""
        return {}

    @classmethod
    def changes_nothing(cls, spec: Any) -> bool:
        """Whether this is an intervention without effect, which is `none`."""
        return False

    @classmethod
    def unavailable(cls, spec: Any, inputs: Mapping[str, Sequence[Any]]) -> str | None:
        """Why there can be no such cell; None where there can.

        Args:
            spec: Its fields.
            inputs: What the cell would read, edges (`ws_dsl.plan.node.Edge`) by field.
        """
        return None

    @classmethod
    def inspect(cls, spec: Any, inspection: Inspection) -> Iterator[Complaint]:
        """Mistakes that can be found before any model loads."""
        return iter(())


class Gathered(NamedTuple):
    """What a check that is always made looks at.

    Attributes:
        inputs: Edges (`ws_dsl.plan.node.Edge`) by reference field.
        settings: Its other fields.
    """

    inputs: dict[str, list[Any]]
    settings: dict[str, Json]


class Check(Kind[types.Finding]):
    """Base of checks: conditions on results, each read over all cells at once.

    Class attributes:
        severity: What a failure means where the study does not say: `fail` or `warn`.
    """

    severity: ClassVar[str] = "fail"

    @classmethod
    def gather(cls, nodes: Sequence[Any]) -> Gathered | None:
        """What to look at in a study that does not name the check; None to stay away."""
        return None


@cache
def gives(kind: type[Kind[Any]]) -> tuple[type[types.Type], ...]:
    """Types that a kind gives; several where the output follows the input."""
    for base in kind.__mro__:
        metadata = getattr(base, "__pydantic_generic_metadata__", None)
        if metadata and metadata["origin"] is Kind:
            given = metadata["args"][0]
            return given.__bases__ if len(getattr(given, "__bases__", ())) > 1 else _members(given)
    raise TypeError(f"{kind.__name__} does not say what it gives: class {kind.__name__}(Kind[types.Table])")


@cache
def input_fields(kind: type[Kind[Any]]) -> dict[str, InputField]:
    """Reference fields of a kind, in declared order."""
    found: dict[str, InputField] = {}
    for name, info in kind.model_fields.items():
        members = _members(info.annotation)
        references = [member for member in members if _is_ref(member)]
        if references:
            accepts = tuple(t for ref in references for t in _members(get_args(ref)[0]))
            literal = any(not _is_ref(member) and member is not type(None) for member in members)
            optional = type(None) in members or info.default is none
            found[name] = InputField(accepts, optional, literal)
    return found


@cache
def marks(kind: type[Kind[Any]], name: str) -> tuple[str, ...]:
    """Marks of a field: such as `axis`, `column`, `file`, `presentation`."""
    info = kind.model_fields[name]
    found = [mark.name for mark in info.metadata if isinstance(mark, _Mark)]
    members = _members(info.annotation)
    listed = [inside for member in members if get_origin(member) is list for inside in get_args(member)]
    for member in (*members, *listed):
        if get_origin(member) is Annotated:
            found += [mark.name for mark in get_args(member)[1:] if isinstance(mark, _Mark)]
    return tuple(found)


def since(kind: type[Kind[Any]], name: str) -> Since | None:
    """The compatibility value of a field added later, or None."""
    return next((m for m in kind.model_fields[name].metadata if isinstance(m, Since)), None)


@cache
def seed_scope(kind: type[Kind[Any]], name: str) -> str | None:
    """What a seed field varies, or None for any other field."""
    info = kind.model_fields.get(name)
    return next((m.scope for m in info.metadata if isinstance(m, Seed)), None) if info else None


def _is_ref(annotation: Any) -> bool:
    return get_origin(annotation) is Ref


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, builtin_types.UnionType):
        return get_args(annotation)
    return (annotation,)
