"""Studies that are nearly right: what a slip, a bad generator or ill will makes of a valid one."""

# ruff: noqa: E501
# (lists of what may be written are easier to look through in long lines)

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "site" / "pages" / "guide"


def _deep(levels: int) -> Any:
    value: Any = "x"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


SCALARS: list[Any] = [
    None, True, False, 0, 1, -1, 1.5, -0.0, 1e-320, 1e308, float("inf"), float("nan"), 2**63 - 1, 2**63, -(2**63),
    10**30, 10**400, "", " ", "x", "none", "model", "previous", "true", "1", "1e999", "\x00", "\t", "\r\n", "\u2028",
    "\ufeff", "\ud800", "\U0001f600", "é", "ﬁ", "a" * 5000, "[" * 200, "{{claim}}", "{{7*7}}", "{{claim.__class__}}",
    "{{claim", "{% for x in y %}", "{0.__class__}", "/etc/passwd", "../../../etc/passwd", "data.jsonl", ".", "~",
    "http://localhost/x", "a\x00b", "claims", "prompts", "score", "score[", "score[arm=none]", "score[arm!=none]",
    "score[arm as other]", "score[condition=neutral, condition as b]", "score.pmass", "claims.label", "a[b=c|d].e",
    "L1N3", "L9N9", "L1H2", "blocks.1.hook_resid_post", "last", "all", "=", "<<", "!!python/object:os.system x",
]  # fmt: skip
TREES: list[Any] = [
    [], {}, [[]], [{}], [None], ["x", "x"], {"x": None}, {"": 1}, {"kind": None}, {"kind": "clamp"},
    {"kind": "prompts", "rows": "claims", "text": "x"}, {"kind": "dataset", "path": "/etc/passwd", "key": "a"},
    {"file": "no.txt"}, {"file": "/etc/passwd"}, {"file": None}, {"file": ["a"]}, {"axis": "arm"}, {"token": ""},
    {"token": " Yes", "count": 0}, {"over": {"x": {"y": 1}}}, {"over": []}, {"level": [1, 2]}, {"median_ge": "x"},
    list(range(300)), {str(place): place for place in range(300)}, _deep(20), _deep(70), _deep(200),
]  # fmt: skip
KEYS = [
    "kind", "over", "except", "pool", "rows", "until", "seed", "of", "arm", "text as x", "text as text", "round",
    "as", "tokens as round", "extends", "", " ", "\ud800", "\x00", "<<", "=", "1", "null", "x" * 3000, "ü", "a.b", "a b",
]  # fmt: skip
BYTES = [
    b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\t", b"\r", b"\xef\xbb\xbf", b"\xc2\x85", b"---\n", b"%YAML 1.1\n", b"&a ",
    b"*a", b"<<: *a\n", b"!!binary ", b"? ", b"{", b"}", b"[", b"]", b'"', b"'", b"#", b"|", b">", b": ", b"- ", b",",
    b'"\\U00110000"', b'"\\ud83d"', b"\\", b"`", b"@", b"0x" + b"f" * 5000, b"[" * 100, b"{a: " * 100, b"\n" * 50,
]  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of everything in a tree, its root aside."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _delete(tree: Any, path: tuple[Any, ...], draw: Callable[[Any], Any]) -> None:
    del at(tree, path[:-1])[path[-1]]


def _replace(tree: Any, path: tuple[Any, ...], draw: Callable[[Any], Any]) -> None:
    at(tree, path[:-1])[path[-1]] = copy.deepcopy(draw(st.sampled_from(SCALARS + TREES)))


def _retype(tree: Any, path: tuple[Any, ...], draw: Callable[[Any], Any]) -> None:
    value = at(tree, path)
    changed = [str(value), [value], {"value": value}, {str(value)[:9]: value}, [value, value]]
    at(tree, path[:-1])[path[-1]] = draw(st.sampled_from(changed))


def _rename(tree: Any, path: tuple[Any, ...], draw: Callable[[Any], Any]) -> None:
    parent, key = at(tree, path[:-1]), path[-1]
    new = draw(st.sampled_from([*KEYS, str(key)[:-1], str(key) + "s", str(key).upper()]))
    if isinstance(parent, dict):
        parent[new] = parent.pop(key)
    else:
        parent.append(parent[key])


def _add(tree: Any, path: tuple[Any, ...], draw: Callable[[Any], Any]) -> None:
    value, new = at(tree, path), copy.deepcopy(draw(st.sampled_from(SCALARS + TREES)))
    if isinstance(value, dict):
        value[draw(st.sampled_from(KEYS))] = new
    elif isinstance(value, list):
        value.insert(draw(st.integers(0, len(value))), new)


def _swap(tree: Any, path: tuple[Any, ...], draw: Callable[[Any], Any]) -> None:
    other = draw(st.sampled_from(list(paths(tree))))
    value = copy.deepcopy(at(tree, other))
    at(tree, path[:-1])[path[-1]] = value


CHANGES = (_delete, _replace, _replace, _retype, _rename, _add, _swap)


@st.composite
def trees(draw: Callable[[Any], Any], bases: list[Any]) -> Any:
    """A base with one to three of its parts changed."""
    tree = copy.deepcopy(draw(st.sampled_from(bases)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(paths(tree))
        if places:
            draw(st.sampled_from(CHANGES))(tree, draw(st.sampled_from(places)), draw)
    return tree


@st.composite
def files(draw: Callable[[Any], Any], bases: list[Any]) -> bytes:
    """Bytes of a changed study: well-formed as often as not."""
    tree = draw(trees(bases))
    indent = draw(st.sampled_from([None, 1]))
    content = json.dumps(tree, indent=indent, ensure_ascii=draw(st.booleans())).encode(
        "utf-8", "surrogatepass"
    )
    if draw(st.integers(0, 3)) == 0:
        start = draw(st.integers(0, len(content)))
        stop = min(len(content), start + draw(st.sampled_from([0, 0, 1, 5, 40])))
        content = content[:start] + draw(st.sampled_from(BYTES)) + content[stop:]
    return content[: draw(st.integers(0, len(content)))] if draw(st.integers(0, 30)) == 0 else content


def guide() -> list[Any]:
    """Every whole study in the chapters of the guide."""
    yaml = YAML(typ="safe", pure=True)
    found = []
    for chapter in sorted(GUIDE.glob("*.md")):
        for block in re.findall(
            r"^```yaml\n(.*?)^```", chapter.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        ):
            written = yaml.load(block)
            if isinstance(written, dict) and "ws" in written:
                found.append(json.loads(json.dumps(written)))
    return found
