"""How long clamps and an exhaustive search take, beside the other ways to make them.

    python benchmarks/engine.py [--rounds N] [--threads N] [--large]

Runs a random Qwen2 checkpoint (width 256, 8 layers; `--large`: the shape of Qwen1.5-0.5B) on prompts of 20 to
30 tokens. Every round runs every way once; medians are printed. What each way finds is compared with the
first one, and a difference above 1e-5 nats ends the benchmark. Ways that run once per unit are given a sample
of the units, and their times are scaled up.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    DynamicCache,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from ws_dsl.models.edits import Edit
from ws_dsl.models.effects import effects
from ws_dsl.models.forward import Row, capture, slices
from ws_dsl.models.handle import Handle, load
from ws_dsl.models.readout import score
from ws_dsl.models.suffix import states
from ws_dsl.specs.site import FINAL, Site, family_hooks, family_sites

SMALL: dict[str, Any] = {
    "hidden_size": 256,
    "intermediate_size": 704,
    "num_hidden_layers": 8,
    "vocab_size": 8192,
}
LARGE: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "num_hidden_layers": 24,
    "vocab_size": 151936,
}
YES, NO = 11, 12
TOLERANCE = 1e-5


@dataclass
class Task:
    """What is asked: prompts under two conditions, the model three times, and the sites of the clamps."""

    handle: Handle
    plain: Any
    bridge: Any
    neutral: list[list[int]]
    pressed: list[list[int]]
    clamps: list[Site]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--large", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        task = prepare(Path(folder), LARGE if asked.large else SMALL, 24 if asked.large else 200)
        shape = task.handle.shape
        print(f"{shape}\n{asked.threads} CPU thread(s), float32, medians of {asked.rounds}")
        compare(
            f"{len(task.pressed)} claims, neutral, pressed and {len(task.clamps)} clamps at the last token",
            {
                "ws-dsl": partial(clamps_by_us, task),
                "Hugging Face, cached prefix, hooks": partial(clamps_by_cache, task),
                "Hugging Face, hooks, last-position logits": partial(clamps_by_hooks, task),
                "TransformerLens, one prompt at a time": partial(clamps_by_bridge, task),
            },
            asked.rounds,
        )
        task.neutral, task.pressed = task.neutral[:4], task.pressed[:4]
        sites = [*family_sites("heads", shape), *family_sites("neurons", shape)]
        less = 20 if asked.large else 1
        compare(
            f"the exact effect of all {len(sites)} heads and neurons, {len(task.pressed)} claims",
            {
                "ws-dsl": partial(search_by_us, task),
                "Hugging Face, cached prefix, units as rows": sampled(
                    search_by_cache, task, sites, 10 * less
                ),
                "Hugging Face, hooks, a run per unit": sampled(search_by_hooks, task, sites, 100 * less),
                "TransformerLens, a run per unit and prompt": sampled(
                    search_by_bridge, task, sites, 400 * less
                ),
            },
            asked.rounds,
        )


def prepare(folder: Path, sizes: dict[str, Any], claims: int) -> Task:
    torch.manual_seed(0)
    config = Qwen2Config(
        **sizes,
        num_attention_heads=sizes["hidden_size"] // 64,
        num_key_value_heads=sizes["hidden_size"] // 64,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    words = {str(token): token for token in range(sizes["vocab_size"])}
    PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel(words, "0"))).save_pretrained(folder)
    from transformer_lens.model_bridge import TransformerBridge

    draw = np.random.default_rng(0)

    def prompts(shortest: int, longest: int) -> list[list[int]]:
        return [
            draw.integers(20, sizes["vocab_size"], draw.integers(shortest, longest + 1)).tolist()
            for _ in range(claims)
        ]

    layers = sizes["num_hidden_layers"]
    return Task(
        load(folder),
        AutoModelForCausalLM.from_pretrained(folder).eval(),
        TransformerBridge.boot_transformers(str(folder), device="cpu", dtype=torch.float32),
        prompts(18, 25),
        prompts(22, 30),
        [Site.parse(f"L{layers - 3}N17"), Site.parse(f"L{layers - 5}H2"), Site.parse(f"L{layers // 2}N40")],
    )


def compare(title: str, ways: dict[str, Callable[[], np.ndarray]], rounds: int) -> None:
    """Runs every way in turn and prints a line of each.

    A way gives scores, NaN where it was given a sample.
    """
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    apart: dict[str, float] = {}
    for _ in range(rounds):
        first = None
        for way, run in ways.items():
            start = time.perf_counter()
            found = run()
            seconds[way].append((time.perf_counter() - start) / float(np.mean(~np.isnan(found))))
            first = found if first is None else first
            apart[way] = float(np.nanmax(np.abs(found - first)))
            if not apart[way] <= TOLERANCE:
                raise SystemExit(f"{way} is off by {apart[way]:.1e} nats")
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    print(f"\n{title}\n{'':46}{'seconds':>10}{'ratio':>10}{'disagreement':>15}")
    for way, median in medians.items():
        print(f"{way:46}{median:10.2f}{median / medians['ws-dsl']:10.1f}{apart[way]:15.0e}")


def sampled(
    search: Callable[[Task, Sequence[Site]], np.ndarray], task: Task, sites: Sequence[Site], step: int
) -> Callable[[], np.ndarray]:
    """The search for one of so many units."""

    def run() -> np.ndarray:
        found = np.full((len(task.pressed), len(sites)), np.nan)
        chosen = list(range(0, len(sites), step))
        found[:, chosen] = search(task, [sites[unit] for unit in chosen])
        return found

    return run


# ws-dsl


def clamps_by_us(task: Task) -> np.ndarray:
    neutral = [Row(ids, len(ids) - 1) for ids in task.neutral]
    captured = capture(task.handle, neutral, [FINAL, *{site.hook for site in task.clamps}])
    held = slices(captured, task.clamps, task.handle)
    pressed = [Row(ids, len(ids) - 1) for ids in task.pressed]
    arms = [
        row._replace(edits=[Edit(site, row.position, held[str(site)][place])])
        for site in task.clamps
        for place, row in enumerate(pressed)
    ]
    made = states(task.handle, [*pressed, *arms])
    return score(task.handle, np.concatenate([captured[FINAL], made]), [YES], [NO]).score


def search_by_us(task: Task) -> np.ndarray:
    pressed = [Row(ids, len(ids) - 1) for ids in task.pressed]
    neutral = [Row(ids, len(ids) - 1) for ids in task.neutral]
    found: list[np.ndarray] = []
    hooks = [hook for family in ("heads", "neurons") for hook in family_hooks(family, task.handle.shape)]
    targets = capture(task.handle, neutral, hooks)
    for family in ("heads", "neurons"):
        found.append(effects(task.handle, pressed, family, targets, [YES], [NO]))
    return np.concatenate(found, axis=1)


# Hugging Face


def padded(prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Ids padded on the left, and their mask: the last position is that of every prompt."""
    longest = max(map(len, prompts))
    ids = torch.tensor([[0] * (longest - len(own)) + list(own) for own in prompts])
    mask = torch.tensor([[0] * (longest - len(own)) + [1] * len(own) for own in prompts])
    return ids, mask


def last_scores(model: Any, prompts: Sequence[Sequence[int]]) -> np.ndarray:
    found: list[Tensor] = []
    for start in range(0, len(prompts), 32):
        ids, mask = padded(prompts[start : start + 32])
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        logits = model(
            ids, attention_mask=mask, position_ids=positions, logits_to_keep=1, use_cache=False
        ).logits
        found.append(logits[:, -1, YES] - logits[:, -1, NO])
    return torch.cat(found).double().numpy()


def module(task: Task, site: Site) -> Any:
    layer = task.plain.model.layers[site.layer]
    return layer.mlp.down_proj if site.part == "mlp.hook_post" else layer.self_attn.o_proj


def part(task: Task, site: Site) -> slice:
    width = site.width(task.handle.shape)
    index = site.index or 0
    return slice(index * width, (index + 1) * width)


@contextmanager
def keeping(task: Task, sites: Sequence[Site], kept: dict[Site, list[Tensor]]) -> Iterator[None]:
    with ExitStack() as stack:
        for site in sites:

            def keep(_module: Any, inputs: tuple[Tensor], site: Site = site) -> None:
                kept.setdefault(site, []).append(inputs[0][:, -1, part(task, site)].clone())

            stack.callback(module(task, site).register_forward_pre_hook(keep).remove)
        yield


@contextmanager
def holding(task: Task, site: Site, values: Tensor, rows: slice = slice(None)) -> Iterator[None]:
    """Puts values at the last position; batches follow one another."""
    done = 0

    def hold(_module: Any, inputs: tuple[Tensor]) -> tuple[Tensor]:
        nonlocal done
        changed = inputs[0].clone()
        size = len(changed[rows])
        changed[rows, -1, part(task, site)] = values[done : done + size]
        done += size
        return (changed,)

    hook = module(task, site).register_forward_pre_hook(hold)
    yield
    hook.remove()


def neutral_values(task: Task, sites: Sequence[Site]) -> tuple[np.ndarray, dict[Site, Tensor]]:
    kept: dict[Site, list[Tensor]] = {}
    with keeping(task, sites, kept):
        scores = last_scores(task.plain, task.neutral)
    return scores, {site: torch.cat(values) for site, values in kept.items()}


def clamps_by_hooks(task: Task) -> np.ndarray:
    scores, held = neutral_values(task, task.clamps)
    found = [scores, last_scores(task.plain, task.pressed)]
    for site in task.clamps:
        with holding(task, site, held[site]):
            found.append(last_scores(task.plain, task.pressed))
    return np.concatenate(found)


def clamps_by_cache(task: Task) -> np.ndarray:
    """The prompts but for their last token once, then that token under every arm."""
    scores, held = neutral_values(task, task.clamps)
    found: dict[Any, list[np.ndarray]] = {site: [] for site in (None, *task.clamps)}
    for start in range(0, len(task.pressed), 32):
        ids, mask = padded(task.pressed[start : start + 32])
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        prefix = DynamicCache()
        task.plain.model(
            ids[:, :-1], attention_mask=mask[:, :-1], position_ids=positions[:, :-1], past_key_values=prefix
        )
        for site in found:
            with ExitStack() as stack:
                if site is not None:
                    stack.enter_context(holding(task, site, held[site][start : start + 32]))
                logits = task.plain(
                    ids[:, -1:],
                    attention_mask=mask,
                    position_ids=positions[:, -1:],
                    past_key_values=copy.deepcopy(prefix),
                ).logits[:, -1]
            found[site].append((logits[:, YES] - logits[:, NO]).double().numpy())
    return np.concatenate([scores, *(np.concatenate(own) for own in found.values())])


def search_by_hooks(task: Task, sites: Sequence[Site]) -> np.ndarray:
    _, held = neutral_values(task, sites)
    base = last_scores(task.plain, task.pressed)
    found: list[np.ndarray] = []
    for site in sites:
        with holding(task, site, held[site]):
            found.append(base - last_scores(task.plain, task.pressed))
    return np.stack(found, axis=1)


def search_by_cache(task: Task, sites: Sequence[Site]) -> np.ndarray:
    _, held = neutral_values(task, sites)
    base = last_scores(task.plain, task.pressed)
    found = np.empty((len(task.pressed), len(sites)))
    for row, own in enumerate(task.pressed):
        ids = torch.tensor([own])
        prefix = DynamicCache()
        task.plain.model(ids[:, :-1], past_key_values=prefix)
        for start in range(0, len(sites), 64):
            units = sites[start : start + 64]
            cache = copy.deepcopy(prefix)
            cache.batch_repeat_interleave(len(units))
            with ExitStack() as stack:
                for place, site in enumerate(units):
                    rows = slice(place, place + 1)
                    stack.enter_context(holding(task, site, held[site][row : row + 1], rows))
                logits = task.plain(ids[:, -1:].expand(len(units), -1), past_key_values=cache).logits[:, -1]
            found[row, start : start + 64] = base[row] - (logits[:, YES] - logits[:, NO]).double().numpy()
    return found


# TransformerLens


def bridged(task: Task, ids: Sequence[int], hooks: Sequence[tuple[str, Any]]) -> float:
    logits = task.bridge.run_with_hooks(torch.tensor([list(ids)]), fwd_hooks=list(hooks))[0, -1]
    return float(logits[YES] - logits[NO])


def clamping(site: Site, source: Tensor) -> Any:
    def hook(value: Tensor, hook: Any) -> Tensor:
        value[0, -1, site.index] = source[0, -1, site.index]
        return value

    return hook


def bridge_values(task: Task, ids: Sequence[int], sites: Sequence[Site]) -> tuple[float, dict[str, Tensor]]:
    names = {site.hook for site in sites}
    logits, cache = task.bridge.run_with_cache(torch.tensor([list(ids)]), names_filter=lambda n: n in names)
    return float(logits[0, -1, YES] - logits[0, -1, NO]), {name: cache[name] for name in names}


def clamps_by_bridge(task: Task) -> np.ndarray:
    found: list[list[float]] = []
    for here, there in zip(task.pressed, task.neutral, strict=True):
        neutral, values = bridge_values(task, there, task.clamps)
        arms = [[(site.hook, clamping(site, values[site.hook]))] for site in task.clamps]
        found.append([neutral, *(bridged(task, here, hooks) for hooks in ([], *arms))])
    return np.array(found).T.flatten()


def search_by_bridge(task: Task, sites: Sequence[Site]) -> np.ndarray:
    found: list[list[float]] = []
    for here, there in zip(task.pressed, task.neutral, strict=True):
        _, values = bridge_values(task, there, sites)
        base = bridged(task, here, [])
        found.append(
            [base - bridged(task, here, [(site.hook, clamping(site, values[site.hook]))]) for site in sites]
        )
    return np.array(found)


if __name__ == "__main__":
    main()
