"""How long it takes to keep the last token's activations of every layer, and how much memory.

    python benchmarks/extraction.py [--rows N] [--shortest N] [--longest N] [--layers N] [--large]
    python benchmarks/extraction.py --memory --rows 20000

Speed: the kind `states`, with all that it writes, beside plain Hugging Face that keeps only the last token:
of batches in the order of the rows, and of batches of rows sorted by length, by `output_hidden_states` and
by a hook on every layer. The ways alternate, medians are printed, and a difference above 1e-4 ends the
benchmark. The checkpoint is a random Qwen2 (width 256, 8 layers; `--large`: the shape of Qwen2.5-0.5B).
Time of the processor is what other work on a shared machine disturbs least.

Memory: `ws-dsl run` of a study that takes the states of one layer, then of all 24, of a random model as wide
and deep as Qwen2.5-0.5B, and makes directions from them. What the second run needs beyond the first is what
so many layers cost.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM

from ws_dsl import organism
from ws_dsl.artifacts import tensor_file
from ws_dsl.artifacts.prompts import Prompts
from ws_dsl.models.handle import Handle, load
from ws_dsl.specs.checkpoint import tokenizer_files
from ws_dsl.specs.kinds import find
from ws_dsl.steps.cell import Cell

SMALL: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 704,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "vocab_size": 8192,
}
LARGE: dict[str, Any] = {
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
}
# As wide and deep, with so little inside that many rows take minutes.
THIN = LARGE | {"intermediate_size": 32, "head_dim": 8, "vocab_size": 1024}
TOLERANCE = 1e-4
BATCH = 32


class Plain:
    """What a kind is given, without a store."""

    device = "cpu"

    def __init__(self, handle: Handle, prompts: Prompts, folder: Path):
        self.handle, self.prompts, self.folder = handle, prompts, folder
        self.digest, self.pooled, self.column, self.spec = "input", (), None, None

    def open(self) -> Prompts:
        return self.prompts

    def model(self, source: Any) -> Handle:
        return self.handle

    def scratch(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    def advance(self, count: int) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--shortest", type=int, default=12)
    parser.add_argument("--longest", type=int, default=60)
    parser.add_argument("--layers", type=int, help="how many of the first layers are kept")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        if asked.memory:
            memory(Path(folder), asked.rows)
        else:
            speed(Path(folder), LARGE if asked.large else SMALL, asked)


def checkpoint(folder: Path, sizes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    config = Qwen2Config(**sizes, max_position_embeddings=1024, tie_word_embeddings=True)
    Qwen2ForCausalLM(config).save_pretrained(folder)
    for name in tokenizer_files(organism.folder()):
        shutil.copy(organism.folder() / name, folder / name)


def speed(folder: Path, sizes: dict[str, Any], asked: argparse.Namespace) -> None:
    rows, rounds, shortest, longest = asked.rows, asked.rounds, asked.shortest, asked.longest
    checkpoint(folder / "model", sizes)
    draw = np.random.default_rng(0)
    ids = [
        draw.integers(20, sizes["vocab_size"], draw.integers(shortest, longest + 1)).tolist()
        for _ in range(rows)
    ]
    columns: dict[str, list[Any]] = {
        "id": list(range(rows)),
        "ids": ids,
        "strings": [[""] * len(own) for own in ids],
        "spans": [{"prompt": [0, len(own)]} for own in ids],
    }
    prompts = Prompts(("id",), columns, "tokenizer", {}, None)
    handle = load(folder / "model")
    handle.threads = torch.get_num_threads()
    plain = AutoModelForCausalLM.from_pretrained(folder / "model").eval()
    layers = asked.layers or sizes["num_hidden_layers"]
    ways: dict[str, Callable[[], np.ndarray]] = {
        "ws-dsl": partial(by_us, Plain(handle, prompts, folder), layers),
        "Hugging Face, rows as they come": partial(by_hidden_states, plain, ids, layers, as_they_come(ids)),
        "Hugging Face, output_hidden_states": partial(by_hidden_states, plain, ids, layers, buckets(ids)),
        "Hugging Face, hooks": partial(by_hooks, plain, ids, layers, False),
        "Hugging Face, hooks, no mask, no head": partial(by_hooks, plain, ids, layers, True),
    }
    wall: dict[str, list[float]] = {way: [] for way in ways}
    busy: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        first = None
        for way, run in ways.items():
            start, before = time.perf_counter(), time.process_time()
            found = run()
            wall[way].append(time.perf_counter() - start)
            busy[way].append(time.process_time() - before)
            first = found if first is None else first
            if not (apart := float(np.abs(found - first).max())) <= TOLERANCE:
                raise SystemExit(f"{way} is off by {apart:.1e}")
    kept = f"{layers} of {sizes['num_hidden_layers']} layers of width {sizes['hidden_size']}"
    print(f"{rows} rows of {shortest} to {longest} tokens, {kept}, {rounds} rounds")
    print(f"{'':38}{'processor s':>12}{'ratio':>8}{'wall s':>9}{'ratio':>8}")
    ours = next(iter(ways))
    for way in ways:
        line = f"{way:38}"
        for times, width in ((busy, 12), (wall, 9)):
            median = statistics.median(times[way])
            line += f"{median:{width}.2f}{median / statistics.median(times[ours]):8.2f}"
        print(line)


def by_us(context: Plain, layers: int) -> np.ndarray:
    module = find("states")
    cells: list[Any] = [
        Cell(
            module.spec.model_validate({"prompts": "prompts", "at": "last", "layer": layer}),
            {"prompts": [context], "model": [context]},  # pyright: ignore[reportArgumentType]
            name=f"states[layer={layer}]",
        )
        for layer in range(layers)
    ]
    found: dict[int, np.ndarray] = {}
    for cell, artifact in module.module.run(cells, context):
        (values,) = tensor_file.mapped(artifact.files["states.safetensors"]).values()
        found[cell.spec.layer] = values
    return np.stack([found[layer] for layer in range(layers)])


def buckets(ids: list[list[int]]) -> list[list[int]]:
    """Places of rows in batches of like length."""
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


def as_they_come(ids: list[list[int]]) -> list[list[int]]:
    """Places of rows in batches in the order of the rows."""
    return [[*range(len(ids))][start : start + BATCH] for start in range(0, len(ids), BATCH)]


def padded(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids padded on the right, their mask, and the place of each row's last token."""
    longest = max(map(len, rows))
    ids = torch.tensor([own + [0] * (longest - len(own)) for own in rows])
    mask = torch.tensor([[1] * len(own) + [0] * (longest - len(own)) for own in rows])
    return ids, mask, torch.tensor([*map(len, rows)]) - 1


def by_hidden_states(model: Any, ids: list[list[int]], layers: int, batches: list[list[int]]) -> np.ndarray:
    kept = np.empty((layers, len(ids), model.config.hidden_size), np.float32)
    # The last entry is normed, so that the last block is read by a hook of its own.
    last: list[torch.Tensor] = []
    hook = model.model.layers[-1].register_forward_hook(lambda _module, _inputs, output: last.append(output))
    for batch in batches:
        tokens, mask, ends = padded([ids[place] for place in batch])
        found = model(
            tokens, attention_mask=mask, output_hidden_states=True, use_cache=False, logits_to_keep=1
        ).hidden_states
        for layer, states in enumerate([*found[1:-1], last.pop()][:layers]):
            kept[layer, batch] = states[torch.arange(len(batch)), ends].numpy()
    hook.remove()
    return kept


def by_hooks(model: Any, ids: list[list[int]], layers: int, tuned: bool) -> np.ndarray:
    """Tuned: the decoder alone, and no mask, which padding on the right does not need."""
    kept = np.empty((layers, len(ids), model.config.hidden_size), np.float32)
    batch: list[int] = []
    ends = torch.empty(0)

    def keep(layer: int) -> Callable[..., None]:
        def read(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
            kept[layer, batch] = output[torch.arange(len(batch)), ends].numpy()

        return read

    hooks = [
        block.register_forward_hook(keep(layer)) for layer, block in enumerate(model.model.layers[:layers])
    ]
    for batch in buckets(ids):
        tokens, mask, ends = padded([ids[place] for place in batch])
        if tuned:
            model.model(tokens, use_cache=False)
        else:
            model(tokens, attention_mask=mask, use_cache=False, logits_to_keep=1)
    for hook in hooks:
        hook.remove()
    return kept


def memory(folder: Path, rows: int) -> None:
    checkpoint(folder / "model", THIN)
    draw = np.random.default_rng(0)
    lines = [
        {
            "id": row,
            "label": bool(row % 2),
            "text": " ".join(map(str, draw.integers(0, 20, 5))),
        }
        for row in range(rows)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    each = rows * THIN["hidden_size"] * 4 / 2**20
    print(f"{rows} rows, {each:.0f} MiB of states a layer")
    peaks: dict[int, float] = {}
    for layers in (1, 24):
        (folder / "study.yaml").write_text(json.dumps(study(layers)))
        start = time.perf_counter()
        peaks[layers] = peak(folder, layers)
        print(f"{layers:3} layers: peak {peaks[layers]:7.0f} MiB, {time.perf_counter() - start:.0f} s")
    print(f"23 more layers hold {46 * each:.0f} MiB and raise the peak by {peaks[24] - peaks[1]:.0f} MiB")


def study(layers: int) -> dict[str, Any]:
    return {
        "ws": 1,
        "id": "memory",
        "question": "How much memory do the states of many rows and layers take?",
        "model": {"kind": "hf_model", "path": "model"},
        "steps": {
            "rows": {
                "kind": "dataset",
                "path": "rows.jsonl",
                "key": "id",
                "columns": {"text": "text", "label": "bool"},
            },
            "prompts": {
                "kind": "prompts",
                "rows": "rows",
                "over": {"text as side": {"plus": "{{text}} Yes", "minus": "{{text}} No"}},
            },
            "states": {
                "kind": "states",
                "prompts": "prompts",
                "at": "last",
                "over": {"layer": list(range(layers))},
            },
            "mean": {"kind": "mean_diff", "plus": "states[side=plus]", "minus": "states[side=minus]"},
            "first": {"kind": "pca_diff", "plus": "states[side=plus]", "minus": "states[side=minus]"},
            "classes": {"kind": "class_mean_diff", "states": "states[side=plus]", "label": "rows.label"},
            "cosine": {"kind": "cosine", "states": "states[side=plus]", "vector": "mean"},
        },
    }


def peak(folder: Path, layers: int) -> float:
    """Most memory of a run of the study from an empty store, MiB; pages of mapped files included."""
    command = [sys.executable, "-m", "ws_dsl", "run", str(folder / "study.yaml")]
    command += ["--registry", str(folder / f"registry-{layers}"), "--site", str(folder / "site")]
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        stdout=subprocess.PIPE,
        env=environment,
        cwd=folder,
        check=True,
    )
    return int(done.stdout) / 1024


if __name__ == "__main__":
    main()
