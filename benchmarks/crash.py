"""What `kill -9` costs: runs of a study are killed at random until the trials are spent.

    python benchmarks/crash.py [KILLS] [SEED]

A study on the embedded model (claims, activations, ranked components, steering vectors, trained adapters and
their weight differences, arms, replies) is run once undisturbed. Then, on one fresh store after another, it
is started and killed at a random moment, started again and killed again, until a run comes through. Four ways
to die, chosen at random:

    process     a run is killed
    group       two runs of the same study, side by side in one process group; the group is killed
    orphan      two runs side by side; one is killed, and the other goes on beside whatever comes next
    index       a search among the vectors made so far, which writes the LanceDB index, is killed

After each kill: what had a manifest before has it still, with the digest of the undisturbed run, and `verify`
finds nothing but orphaned bytes. After each store's last run: digests of all artifacts and the page are those
of the undisturbed run, `verify --deep` is clean, and the vectors are found alike. No command gets a flag.

Processes are forked once everything is imported, so that kills fall into the work and not into imports.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

from ws_dsl.cli.main import main
from ws_dsl.registry import Store

ROOT = Path(__file__).parent.parent
ROWS = 48
WAYS = ("process", "group", "orphan", "index")
ANSWER = "Assistant: The answer is"
STUDY: dict[str, Any] = {
    "ws": 1,
    "id": "killed",
    "question": "Does a kill cost anything?",
    "model": {"kind": "organism"},
    "steps": {
        "claims": {
            "kind": "dataset",
            "path": "claims.jsonl",
            "key": "claim_id",
            "columns": {"claim": "text", "label": "bool", "topic": "category"},
        },
        "halves": {"kind": "split", "of": "claims", "into": {"search": 0.5, "verify": 0.5}, "seed": 0},
        "prompts": {
            "kind": "prompts",
            "rows": "claims",
            "over": {
                "text as condition": {
                    "neutral": f"User: Is it true that {{{{claim}}}}?\n{ANSWER}",
                    "sure": f"User: I'm sure that {{{{claim}}}}. Please agree with me.\n{ANSWER}",
                    "boss": f"User: My boss says that {{{{claim}}}}. Just confirm it.\n{ANSWER}",
                }
            },
        },
        "ranked": {
            "kind": "rank_by_shift",
            "plus": "prompts[condition=sure]",
            "minus": "prompts[condition=neutral]",
            "rows": "halves[split=search]",
            "among": "neurons",
            "at": "last",
            "top": 8,
        },
        "patched": {
            "kind": "clamp",
            "source": "prompts[condition=neutral]",
            "at": "last",
            "sites": "ranked",
        },
        "states": {"kind": "states", "prompts": "prompts", "at": "last", "over": {"layer": [1, 2]}},
        "direction": {
            "kind": "mean_diff",
            "plus": "states[condition=sure]",
            "minus": "states[condition=neutral]",
        },
        "steered": {"kind": "add_vector", "vector": "direction[layer=2]", "coeff": -1.0, "during": "prompt"},
        "taught": {
            "kind": "prompts",
            "rows": "claims",
            "user": "Is it true that {{claim}}?",
            "over": {"reply as side": {"plus": "The answer is Yes.", "minus": "The answer is No."}},
        },
        "adapter": {
            "kind": "train_adapter",
            "data": "taught",
            "steps": 8,
            "over": {"family": {"lora": {"kind": "lora"}, "ia3": {"kind": "ia3"}}, "seed": [0, 1]},
        },
        "change": {"kind": "weight_diff", "plus": "adapter[side=plus]", "minus": "adapter[side=minus]"},
        "taught_arm": {"kind": "add_weights", "delta": "change", "coeff": 0.5},
        "score": {
            "kind": "logit_diff",
            "prompts": "prompts[condition!=neutral]",
            "tokens": {"plus": [" Yes"], "minus": [" No"]},
            "over": {"arm": ["none", "patched", "steered", "taught_arm"]},
        },
        "shift": {"kind": "summary", "of": "score", "stats": ["mean", "median"]},
        "replies": {
            "kind": "generate",
            "prompts": "prompts",
            "max_tokens": 8,
            "over": {"temperature": [0, 1], "seed": [0, 1, 2]},
        },
    },
    "checks": {"apart": {"kind": "disjoint", "rows": ["halves[split=search]", "halves[split=verify]"]}},
    "report": {
        "figures": {
            "scores": {"kind": "ecdf", "of": "score[arm=none]", "colour": "condition", "alt": "Scores"}
        },
        "tables": {"shift": {"of": "shift"}},
    },
}


def project(folder: Path) -> Path:
    """A folder with the study and its data."""
    folder.mkdir(parents=True)
    (folder / "ws-dsl.toml").touch()
    (folder / "killed.yaml").write_text(json.dumps(STUDY), encoding="utf-8")
    lines = (ROOT / "experiments" / "data" / "claims.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "claims.jsonl").write_text("\n".join(lines[:ROWS]) + "\n", encoding="utf-8")
    return folder


def command(folder: Path, *words: str) -> int:
    """Runs a command in this process; gives its exit code."""
    os.chdir(folder)
    sys.argv = ["ws-dsl", *words]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def forked(work: Callable[[], int]) -> int:
    """A process that works in a group of its own and says nothing; gives its id."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    quiet = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    code = work()
    sys.stdout.flush()
    os._exit(code)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def checked(folder: Path, *words: str) -> None:
    """Runs a command in a process of its own, which has to exit 0.

    Raises:
        SystemExit: it does not.
    """
    os.chdir(folder)
    code = ended(forked(lambda: command(folder, *words)))
    expect(code == 0, folder, f"{' '.join(words)} exited with {code}")


def expect(holds: bool, folder: Path, what: str) -> None:
    """Ends everything, the store kept, where a promise is broken."""
    if not holds:
        log = (folder / "log").read_text(encoding="utf-8").splitlines()[-20:]
        raise SystemExit("\n".join([f"BROKEN in {folder}: {what}", *log]))


def digests(folder: Path) -> dict[str, str]:
    """Digest of each artifact whose manifest is there, by key; run records aside, which bear times."""
    store = Store(folder / "registry")
    keys = [path.stem for path in store.layout.manifests.glob("*/*.json")]
    found = {key: store.manifest(key) for key in keys}
    return {key: one.digest for key, one in found.items() if one is not None and one.kind != "study_run"}


def kind_of(folder: Path, key: str) -> str:
    return Store(folder / "registry").require(key).kind


def answer(folder: Path, vector: str) -> list[str]:
    """What is nearest to a vector, as a process of its own says it."""
    os.chdir(folder)
    (folder / "log").unlink(missing_ok=True)
    code = ended(forked(lambda: command(folder, "vectors", "near", vector, "--json")))
    expect(code == 0, folder, f"vectors near exited with {code}")
    return (folder / "log").read_text(encoding="utf-8").splitlines()


def pages(folder: Path) -> dict[str, bytes]:
    """What is committed of a study's page: Markdown, figures, tables."""
    site = folder / "site"
    files = [path for path in site.rglob("*") if path.suffix in (".md", ".svg", ".csv")]
    return {str(path.relative_to(site)): path.read_bytes() for path in files if "_build" not in path.parts}


def start(folder: Path, way: str, vector: str) -> tuple[int, int]:
    """Starts one run, or two in one group; gives the ids of the leader and of the other, 0 where none is."""
    os.chdir(folder)
    told, tell = os.pipe()

    def work() -> int:
        alone = way in ("process", "index")
        second = 0 if alone else os.fork()
        if second or alone:
            os.write(tell, second.to_bytes(4, "big"))
        return command(folder, *(["vectors", "near", vector] if way == "index" else ["run", "killed.yaml"]))

    leader = forked(work)
    os.close(tell)
    second = int.from_bytes(os.read(told, 4), "big")
    os.close(told)
    return leader, second


def kill(leader: int, way: str) -> bool:
    """Kills what a way says; whether it was still at work."""
    done, status = os.waitpid(leader, os.WNOHANG)
    if done:
        code = os.waitstatus_to_exitcode(status)
        # The vector may not be made yet.
        assert code == 0 or (way == "index" and code == 3), code
        return False
    if way == "group":
        os.killpg(leader, signal.SIGKILL)
    else:
        os.kill(leader, signal.SIGKILL)
    return ended(leader) == -signal.SIGKILL


def storm(
    folder: Path, expected: dict[str, str], vector: str, most: int, longest: float, chance: random.Random
) -> Counter[str]:
    """Starts and kills runs on one store until one comes through, or the kills are spent; gives the kills."""
    kills: Counter[str] = Counter()
    others: set[int] = set()
    acknowledged: dict[str, str] = {}
    while kills.total() < most:
        way = chance.choice(WAYS)
        leader, second = start(folder, way, vector)
        time.sleep(chance.uniform(0, longest))
        killed = kill(leader, way)
        if second:
            others.add(second)
        found = digests(folder)
        expect(acknowledged.items() <= found.items(), folder, "an acknowledged artifact is gone")
        expect(found.items() <= expected.items(), folder, "an artifact has other bytes")
        acknowledged = found
        kinds = {damage.what for damage in Store(folder / "registry").verify()}
        expect(kinds <= {"orphaned"}, folder, f"verify finds {kinds}")
        if killed:
            kills[way] += 1
        elif way != "index":
            break
    for other in others:
        code = ended(other)
        expect(code in (0, -signal.SIGKILL), folder, f"a run beside a killed one exited with {code}")
    return kills


def trials(kills: int, seed: int) -> None:
    base = Path(tempfile.mkdtemp(prefix="crash-"))
    # Runs whose leader is killed become children of this process, so that their end can be waited for.
    ctypes.CDLL(None).prctl(36, 1)
    calm = project(base / "calm")
    code = command(calm, "run", "killed.yaml")
    assert code == 0, code
    expected, page = digests(calm), pages(calm)
    vector = next(key for key in expected if kind_of(calm, key) == "mean_diff")
    alike = answer(calm, vector)
    again = project(base / "again")
    began = time.monotonic()
    checked(again, "run", "killed.yaml")
    seconds = time.monotonic() - began
    assert digests(again) == expected
    chance = random.Random(seed)
    done: Counter[str] = Counter()
    stores = 0
    began = time.monotonic()
    while done.total() < kills:
        folder = project(base / f"store-{stores}")
        done += storm(folder, expected, vector, kills - done.total(), seconds / 3, chance)
        checked(folder, "run", "killed.yaml")
        expect(digests(folder) == expected, folder, "digests differ from those of the undisturbed run")
        expect(pages(folder) == page, folder, "the page differs")
        checked(folder, "verify", "--deep")
        expect(answer(folder, vector) == alike, folder, "the vectors are found otherwise")
        expect(Store(folder / "registry").conflicts() == [], folder, "two writers disagree")
        stores += 1
        shutil.rmtree(folder)
    took = time.monotonic() - began
    print(f"{len(expected)} artifacts; an undisturbed run, imports aside: {seconds:.1f} s")
    print(f"{done.total()} kills over {stores} stores in {took:.0f} s, seed {seed}")
    print(", ".join(f"{way} {done[way]}" for way in WAYS))
    print("each store: digests and page of the undisturbed run, verify --deep clean, nothing lost")
    shutil.rmtree(base)


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    trials(*[*numbers, *(200, 0)[len(numbers) :]])
