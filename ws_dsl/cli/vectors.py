"""`vectors ls`, `vectors show`, `vectors near`, `vectors compare`, `vectors export`, `vectors import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ws_dsl.cli.options import AsJson, NothingMatched, RegistryDir, open_session
from ws_dsl.cli.output import counted, data, say, shown, table
from ws_dsl.cli.vector_choice import (
    Filters,
    choose,
    digest_of,
    known_models,
    matching,
    names,
    sets,
    single,
    uses,
    wanted,
)
from ws_dsl.errors import WsDslError
from ws_dsl.registry.catalogue import VECTORS_FILE

if TYPE_CHECKING:
    from ws_dsl.registry.vectors import VectorSet

vectors = typer.Typer(
    help="Directions in activations: what was extracted, and what is alike.", no_args_is_help=True
)

Which = Annotated[
    str,
    typer.Argument(
        help="The beginning of a key; KEY:2 or KEY:LABEL is one of its vectors.",
        metavar="KEY[:INDEX]",
        show_default=False,
    ),
]
OfModel = Annotated[
    str | None, typer.Option("--model", help="Only of this model: its name, or the beginning of its digest.")
]
AtSite = Annotated[list[str] | None, typer.Option("--site", help="Only at these places, such as L13.")]
InLayer = Annotated[list[int] | None, typer.Option("--layer", help="Only in these layers.")]
ByMethod = Annotated[list[str] | None, typer.Option("--method", help="Only made so, such as mean_diff.")]
WithLabel = Annotated[list[str] | None, typer.Option("--label", help="Only with these labels.")]
OfStudy = Annotated[str | None, typer.Option("--study", help="Only of the cells of this study.")]


@vectors.command("ls")
def list_vectors(
    model: OfModel = None,
    site: AtSite = None,
    layer: InLayer = None,
    method: ByMethod = None,
    label: WithLabel = None,
    study: OfStudy = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """List what vectors there are, with the cells that they were last used as; exits 3 for none."""
    session = open_session(registry)
    found = matching(session, Filters(model, site, layer, method, label, study))
    titles, used = names(session), uses(session)
    records = [_record(one, titles, used.get(one.key, [])) for one in found]
    if json:
        data({"vectors": records})
    if not found:
        raise NothingMatched(f"no such vectors in {session.store.root}")
    if not json:
        heads = [
            "key",
            "vectors",
            "label",
            "model",
            "site",
            "at",
            "method",
            "width",
            "norm",
            "mean_norm",
            "used as",
        ]
        table(heads, [_row(one) for one in records])


@vectors.command()
def show(what: Which, registry: RegistryDir = None, json: AsJson = False) -> None:
    """Print what is known of a set of vectors, read from the verified bytes."""
    session = open_session(registry)
    chosen = choose(session, what)
    found, places = chosen.vectors, chosen.places
    norms = found.norms()
    listed: list[dict[str, Any]] = [
        {
            "index": place,
            "label": found.labels[place],
            "norm": float(norms[place]),
            "of_mean_norm": float(norms[place] / found.mean_norm) if found.mean_norm else None,
        }
        for place in places
    ]
    record = _record(chosen.told, names(session), uses(session).get(chosen.manifest.key, []))
    record |= {
        "object": chosen.manifest.files[VECTORS_FILE].sha256,
        "made_on": found.made_on,
        "notes": found.notes,
        "manifest_notes": chosen.manifest.notes,
    }
    if json:
        data({**record, "listed": listed})
        return
    print(f"{chosen.manifest.kind} {chosen.manifest.key}")
    for name in (
        "model",
        "model_name",
        "site",
        "at",
        "method",
        "width",
        "mean_norm",
        "created",
        "object",
        "notes",
    ):
        print(f"  {name}: {shown(record[name])}")
    for digest in found.made_on:
        print(f"  made on: {session.name_of(digest)}")
    for used in record["used_as"]:
        print(f"  used as: {used}")
    for note in chosen.manifest.notes:
        print(f"  note: {note}")
    table(
        ["index", "label", "norm", "of mean norm"],
        [[shown(value) for value in one.values()] for one in listed],
    )


@vectors.command()
def near(
    what: Which,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many.")] = 10,
    model: OfModel = None,
    site: AtSite = None,
    layer: InLayer = None,
    method: ByMethod = None,
    label: WithLabel = None,
    study: OfStudy = None,
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Find the vectors of the store that point most nearly the same way, whatever model they are of.

    The p is that of random directions: how often the best of as many as were searched has as large an |cos|.
    """
    from ws_dsl.models.directions import chance_of_cosine, expected_cosine
    from ws_dsl.registry.vector_table import row_id
    from ws_dsl.registry.vectors import VectorIndex

    session = open_session(registry)
    chosen = choose(session, what)
    value, place = single(chosen, what)
    asked = wanted(session, Filters(model, site, layer, method, label, study))
    index = VectorIndex(session.store)
    answer = index.near(value, count, asked, row_id(chosen.manifest.key, place))
    titles, told, used, width = names(session), sets(session), uses(session), len(value)
    records: list[dict[str, Any]] = []
    for one in answer.found:
        about = told[one.key]
        records.append(
            {
                "key": one.key,
                "index": one.place,
                "label": about.labels[one.place],
                "cosine": one.cosine,
                "p": chance_of_cosine(one.cosine, width, answer.searched),
                "model": about.model,
                "model_name": titles.get(about.model),
                "site": about.site,
                "at": about.at,
                "method": about.method,
                "norm": about.norms[one.place],
                "used_as": used.get(one.key, []),
            }
        )
    for key in answer.damaged:
        say(f"{key[:12]} is damaged and was left out; `ws-dsl verify` names what is wrong")
    expected = expected_cosine(width)
    if json:
        searched = {
            "searched": answer.searched,
            "width": width,
            "expected": expected,
            "damaged": answer.damaged,
        }
        data({"key": chosen.manifest.key, "index": place, **searched, "near": records})
    if not records:
        raise NothingMatched("no other such vectors of this width")
    if not json:
        table(
            ["vector", "label", "cosine", "p", "model", "site", "at", "method", "used as"],
            [
                [
                    f"{one['key'][:12]}:{one['index']}",
                    one["label"],
                    f"{one['cosine']:.4f}",
                    f"{one['p']:.2g}",
                    one["model_name"] or one["model"][:12],
                    one["site"],
                    shown(one["at"]),
                    one["method"],
                    "; ".join(one["used_as"][:2]),
                ]
                for one in records
            ],
        )
        searched = counted(answer.searched, "vector")
        say(f"{searched} searched; random directions of this width have |cos| {expected:.4f}")


@vectors.command()
def compare(first: Which, second: Which, registry: RegistryDir = None, json: AsJson = False) -> None:
    """Compare two vectors, or the spans of two sets, with what random directions of that width give."""
    from ws_dsl.models.directions import chance_of_cosine, expected_cosine, overlap

    session = open_session(registry)
    one, two = choose(session, first), choose(session, second)
    width = one.vectors.width
    if two.vectors.width != width:
        raise WsDslError(f"{first} is {width} wide and {second} {two.vectors.width}; they have no cosine")
    for chosen in (one, two):
        if not all(chosen.vectors.norms()[chosen.places]):
            raise WsDslError(f"{chosen.manifest.key[:12]} has a vector of zeros, which has no direction")
    if one.vectors.model != two.vectors.model:
        say("these are of different models: their coordinates need not mean the same")
    units = [chosen.vectors.units()[chosen.places] for chosen in (one, two)]
    cosines = units[0] @ units[1].T
    expected = expected_cosine(width)
    answer: dict[str, Any] = {
        "width": width,
        "same_model": one.vectors.model == two.vectors.model,
        "same_site": one.vectors.site == two.vectors.site,
        "expected": expected,
        "labels": [[chosen.vectors.labels[place] for place in chosen.places] for chosen in (one, two)],
        "cosines": cosines.tolist(),
    }
    if cosines.size == 1:
        cosine = float(cosines[0, 0])
        answer |= {"cosine": cosine, "p": chance_of_cosine(cosine, width)}
    else:
        answer |= overlap(*units)._asdict()
    if json:
        data(answer)
        return
    print(f"width {width}; random directions have |cos| {expected:.4f} on average")
    if cosines.size == 1:
        print(f"cosine {answer['cosine']:.4f}, p {answer['p']:.2g}")
        return
    print(f"principal angles in degrees: {', '.join(f'{angle:.1f}' for angle in answer['angles'])}")
    print("overlap {overlap:.4f}, of random spans {expected_overlap:.4f}, p {p:.2g}".format(**answer))
    names_of_rows, names_of_columns = (
        [label or str(place) for place, label in enumerate(labels)] for labels in answer["labels"]
    )
    rows = [
        [name, *(f"{value:.4f}" for value in row)]
        for name, row in zip(names_of_rows, cosines.tolist(), strict=True)
    ]
    table(["cosine", *names_of_columns], rows)


@vectors.command("export")
def export_vectors(
    what: Annotated[
        list[str],
        typer.Argument(help="Keys; a control vector takes one for each layer.", metavar="KEY[:INDEX]..."),
    ],
    format: Annotated[
        Literal["safetensors", "gguf"],
        typer.Option("--format", help="gguf is a control vector of llama.cpp."),
    ] = "safetensors",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file.", show_default="KEY.FORMAT")
    ] = None,
    model_hint: Annotated[
        str, typer.Option("--model-hint", help="Family of the model, such as qwen3, for readers of GGUF.")
    ] = "",
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Write vectors for other programs, their numbers as they are.

    llama.cpp adds direction N after block N, at every token, times --control-vector-scaled.
    """
    from ws_dsl.artifacts.vector_files import one_of, write_gguf, write_safetensors

    session = open_session(registry)
    chosen = [choose(session, one) for one in what]
    path = out or Path(f"{chosen[0].manifest.key[:12]}.{format}")
    try:
        if format == "gguf":
            named = zip(chosen, what, strict=True)
            singles = [one_of(one.vectors, single(one, name)[1]) for one, name in named]
            write_gguf(path, singles, model_hint)
        elif len(chosen) > 1:
            raise WsDslError("a safetensors file holds the vectors of one key; write a file for each")
        elif len(chosen[0].places) < len(chosen[0].vectors.values):
            write_safetensors(path, one_of(chosen[0].vectors, chosen[0].places[0]))
        else:
            write_safetensors(path, chosen[0].vectors)
    except OSError as error:
        raise WsDslError(f"{path} cannot be written: {error.strerror}") from None
    if json:
        data({"path": str(path), "format": format, "keys": [one.manifest.key for one in chosen]})
    say(f"wrote {session.project.shown(path.resolve())}")


@vectors.command("import")
def import_vectors(
    file: Annotated[Path, typer.Argument(help="A safetensors or GGUF file.")],
    model: Annotated[
        str | None, typer.Option("--model", help="Name or digest of the model, where the file does not tell.")
    ] = None,
    site: Annotated[
        str | None, typer.Option("--site", help="Place, such as L13, where the file does not tell.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="Position in the row, such as last, where the file does not tell."),
    ] = None,
    mean_norm: Annotated[
        float | None,
        typer.Option(
            "--mean-norm",
            help="Mean norm of activations there; with 1, coefficients are in the file's own units.",
        ),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="How they were made, where the file does not tell.")
    ] = "imported",
    registry: RegistryDir = None,
    json: AsJson = False,
) -> None:
    """Bring vectors of a file into the store, their numbers as they are, tagged so that `gc` keeps them."""
    from ws_dsl.run.vector_import import Told, import_vectors

    session = open_session(registry)
    told = Told(model and digest_of(known_models(session), model), site, at, mean_norm, method)
    made = import_vectors(session.store, file, told)
    if json:
        data({"vectors": [_record(one, names(session), []) for one in made]})
    for one in made:
        say(f"{one.key[:12]}: {counted(len(one.labels), 'vector')} of width {one.width} at {one.site}")


def _record(one: VectorSet, titles: dict[str, str], used: list[str]) -> dict[str, Any]:
    known = {**one._asdict(), "mean_norm": one.mean_norm or None}
    return {**known, "vectors": len(one.labels), "model_name": titles.get(one.model), "used_as": used}


def _row(one: dict[str, Any]) -> list[str]:
    labels: list[str] = one["labels"]
    norms: list[float] = one["norms"]
    more = " …" if len(labels) > 3 else ""
    return [
        one["key"][:12],
        str(one["vectors"]),
        ", ".join(labels[:3]) + more,
        one["model_name"] or one["model"][:12],
        one["site"],
        shown(one["at"]),
        one["method"],
        str(one["width"]),
        f"{norms[0]:.4g}" + (" …" if len(norms) > 1 else ""),
        "–" if one["mean_norm"] is None else f"{one['mean_norm']:.4g}",
        "; ".join(one["used_as"][:2]),
    ]
