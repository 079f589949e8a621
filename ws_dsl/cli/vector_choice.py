"""What a user names of the vectors: one or a set by key, those that fit filters, a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.cli.address import find_manifest
from ws_dsl.cli.options import NothingMatched
from ws_dsl.cli.output import counted
from ws_dsl.errors import WsDslError
from ws_dsl.plan.address import address
from ws_dsl.registry.catalogue import VECTORS_FILE
from ws_dsl.run.session import Session

if TYPE_CHECKING:
    from ws_dsl.artifacts.vectors import Vectors
    from ws_dsl.registry.manifest import Manifest
    from ws_dsl.registry.vector_table import Wanted
    from ws_dsl.registry.vectors import VectorSet


MODEL_FILE = "model.json"


class Filters(NamedTuple):
    """What a user asks for."""

    model: str | None
    site: list[str] | None
    layer: list[int] | None
    method: list[str] | None
    label: list[str] | None
    study: str | None


class Chosen(NamedTuple):
    """What KEY[:INDEX] names.

    Attributes:
        manifest: Record of the artifact.
        told: What it tells of its vectors.
        vectors: All of them, from verified bytes.
        places: Those that are meant.
    """

    manifest: Manifest
    told: VectorSet
    vectors: Vectors
    places: list[int]


def choose(session: Session, what: str) -> Chosen:
    from ws_dsl.registry.vectors import VectorIndex, vector_set

    prefix, colon, one = what.partition(":")
    manifest = find_manifest(session, prefix)
    if VECTORS_FILE not in manifest.files:
        raise NothingMatched(f"{manifest.key[:12]} holds no vectors: it is of kind {manifest.kind}")
    found = VectorIndex(session.store).vectors(manifest.key)
    places = list(range(len(found.labels)))
    if colon:
        places = [place for place in places if one in (str(place), found.labels[place])][:1]
    if not places:
        raise NothingMatched(f"{manifest.key[:12]} has no vector {one!r}; {_listing(found)}")
    return Chosen(manifest, vector_set(manifest), found, places)


def single(chosen: Chosen, what: str) -> tuple[Any, int]:
    """The one vector that is meant, and its place.

    Raises:
        WsDslError: there are several, or it is of zeros.
    """
    if len(chosen.places) != 1:
        several = counted(len(chosen.places), "vector")
        raise WsDslError(f"{what} holds {several}: name one, as {what}:0; {_listing(chosen.vectors)}")
    (place,) = chosen.places
    if not chosen.vectors.norms()[place]:
        raise WsDslError(f"{what} is a vector of zeros, which has no direction")
    return chosen.vectors.values[place], place


def _listing(found: Vectors) -> str:
    shown = [f"{place} {label!r}" for place, label in enumerate(found.labels)]
    return f"there are {', '.join(shown[:12])}{' …' if len(shown) > 12 else ''}"


def sets(session: Session) -> dict[str, VectorSet]:
    """Everything that manifests tell of vectors, by key."""
    from ws_dsl.registry.vectors import vector_sets

    return {one.key: one for one in vector_sets(session.store)}


def matching(session: Session, filters: Filters) -> list[VectorSet]:
    asked = wanted(session, filters)

    def fits(one: VectorSet) -> bool:
        return all(
            set(values) & (set(one.labels) if column == "label" else {getattr(one, column)})
            for column, values in asked.items()
        )

    return [one for one in sets(session).values() if fits(one)]


def wanted(session: Session, filters: Filters) -> Wanted:
    columns: dict[Any, Any] = {
        "site": filters.site,
        "layer": filters.layer,
        "method": filters.method,
        "label": filters.label,
        "model": [digest_of(known_models(session), filters.model)] if filters.model else None,
    }
    if filters.study:
        columns["key"] = {one.key for one in session.store.catalogue.addresses(filters.study)}
    return {column: values for column, values in columns.items() if values is not None and values != []}


def names(session: Session) -> dict[str, str]:
    """Names of the models that vectors are of, by digest."""
    digests = {one.model for one in sets(session).values()}
    return {digest: title for digest, title in known_models(session).items() if digest in digests and title}


def known_models(session: Session) -> dict[str, str]:
    """Names of all models of the store and of its vectors by digest; empty where only the digest is known."""
    titles = {one.model: "" for one in sets(session).values()}
    makes_models: dict[str, bool] = {}
    for entry in session.store.catalogue.artifacts():
        # A kind that makes a model makes nothing else, so that one manifest tells of all.
        if makes_models.get(entry.kind, True):
            manifest = session.store.manifest(entry.key)
            makes_models[entry.kind] = manifest is not None and MODEL_FILE in manifest.files
            if manifest is not None and MODEL_FILE in manifest.files:
                titles[entry.digest] = str(manifest.facts["title"])
    return titles


def digest_of(known: Mapping[str, str], text: str) -> str:
    """Digest of a model by its name or the beginning of its digest.

    Raises:
        NothingMatched: no model is meant.
        WsDslError: several are.
    """
    found = sorted(digest for digest, title in known.items() if title == text or digest.startswith(text))
    if len(found) == 1:
        return found[0]
    listed = ", ".join(sorted(f"{title or 'unnamed'} {digest[:12]}" for digest, title in known.items()))
    if not found:
        raise NothingMatched(f"no model {text!r}; known: {listed or 'none'}")
    raise WsDslError(f"{text!r} means {len(found)} models; known: {listed}")


def uses(session: Session) -> dict[str, list[str]]:
    """Cells that keys were last used as."""
    return {
        key: [f"{use.study}:{address(use.step, use.cell)}" for use in found]
        for key, found in session.store.catalogue.uses().items()
    }
