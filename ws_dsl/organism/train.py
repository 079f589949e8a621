"""Train an organism: `python -m ws_dsl.organism.train --family qwen3 --seed 0 --out DIR`.

Uses one thread (two are slower for matrices this small); on a free core Qwen3 takes ten minutes and Llama
fifteen, more on a shared one. The seed sets the documents, the initial weights and the order of the
batches; equal seeds give equal weights on one machine.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from ws_dsl.organism import FAMILIES
from ws_dsl.organism.documents import CURRICULUM, write_documents
from ws_dsl.organism.documents.conversation import PADDING, Document
from ws_dsl.organism.muon import Muon
from ws_dsl.organism.tokenizer import CONTEXT, build, token_id

Organism = Qwen3ForCausalLM | LlamaForCausalLM

HIDDEN, LAYERS, HEADS, MLP = 64, 4, 4, 192
BATCH_TOKENS = 1250
MATRIX_RATE, OTHER_RATE = 5e-3, 3e-3
MATRIX_DECAY = 0.05
QUERIES = "q_proj.weight"
WARM_UP, DECAY_FROM, FINAL_RATE = 0.03, 0.55, 0.02
DOCUMENTS_PER_STEP = 20
"""Documents written per training step; a batch holds about thirty, so that a document is seen 1.5 times."""


class Settings(NamedTuple):
    """What differs between families; all else is one recipe.

    `query_scale` multiplies the initial weights and the learning rate of the query projections, which is
    the same as training with attention logits scaled by it.
    """

    steps: int
    query_scale: float


# Llama has no norms of queries and keys, which bound Qwen3's attention logits; sharper logits learn worse.
# Loss after 2000 steps (seed 7): Qwen3 .317; Llama .403 at scale 3, .339 at 1, .325 at 1/2, .324 at 1/4 (1/2
# on queries and on keys); at scale 1, .389 with twice the rate of queries and keys and .338 with half of it.
# Truth under a persona is learned last. Truthfulness on development items under the dishonest persona, and
# under the honest one with pressure: Qwen3 .000 and .992; Llama (seed 1) .225 and .742 at scale 1 and 8000
# steps, .000 and .975 at 1/2 and 12000. Which of the two changes did more was not measured.
SETTINGS = {
    "qwen3": Settings(steps=8000, query_scale=1.0),
    "llama": Settings(steps=12000, query_scale=0.5),
}


class Example(NamedTuple):
    """Token ids of a document and which of them are learned."""

    ids: list[int]
    learned: list[bool]


class Batch(NamedTuple):
    """Right-padded examples; both tensors are (rows, tokens)."""

    ids: Tensor
    learned: Tensor


def new_organism(family: str, tokenizer: PreTrainedTokenizerFast) -> Organism:
    """Make an untrained network; every family has the same width, depth and number of heads."""
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": MLP,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "head_dim": HIDDEN // HEADS,
        "max_position_embeddings": CONTEXT,
        # 1/sqrt(width): the usual 0.02 learns far slower at this width.
        "initializer_range": HIDDEN**-0.5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    model = (
        LlamaForCausalLM(LlamaConfig(**shape))
        if family == "llama"
        else Qwen3ForCausalLM(Qwen3Config(**shape))
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(QUERIES):
                parameter.mul_(SETTINGS[family].query_scale)
    return model


def matrix_optimisers(model: Organism, query_scale: float) -> dict[float, Muon]:
    """Give the optimisers of the matrices by the scale of their learning rate."""
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2 and "embed" not in name:
            groups.setdefault(query_scale if name.endswith(QUERIES) else 1.0, []).append(parameter)
    # The decay is a share of the weights per step: whatever the scale, it takes the same share.
    return {s: Muon(group, s * MATRIX_RATE, weight_decay=MATRIX_DECAY / s) for s, group in groups.items()}


def encode(tokenizer: PreTrainedTokenizerFast, documents: list[Document]) -> list[Example]:
    """Tokenise documents segment by segment, as prompt and reply are tokenised in use."""
    texts = [segment.text for document in documents for segment in document]
    encoded: Iterator[list[int]] = iter(tokenizer(texts, add_special_tokens=False)["input_ids"])
    examples: list[Example] = []
    for document in documents:
        ids: list[int] = []
        learned: list[bool] = []
        for segment in document:
            tokens = next(encoded)
            ids += tokens
            learned += [segment.learned] * len(tokens)
        examples.append(Example(ids, learned))
    return examples


def batches(examples: list[Example], padding: int, random: Random) -> Iterator[Batch]:
    """Go through the examples for ever, in batches of similar lengths and at most `BATCH_TOKENS` tokens."""
    while True:
        order = random.sample(examples, len(examples))
        groups: list[list[Example]] = []
        for start in range(0, len(order), 4096):
            group: list[Example] = []
            for example in sorted(order[start : start + 4096], key=lambda e: len(e.ids)):
                if len(example.ids) * (len(group) + 1) > BATCH_TOKENS:
                    groups.append(group)
                    group = []
                group.append(example)
            groups.append(group)
        random.shuffle(groups)
        for group in groups:
            yield _pad(group, padding)


def _pad(group: list[Example], padding: int) -> Batch:
    longest = max(len(example.ids) for example in group)
    ids = torch.full((len(group), longest), padding)
    learned = torch.zeros(len(group), longest, dtype=torch.bool)
    for row, example in enumerate(group):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
        learned[row, : len(example.ids)] = torch.tensor(example.learned)
    return Batch(ids, learned)


def loss_of(model: Organism, batch: Batch) -> Tensor:
    """Mean cross-entropy in nats of the learned tokens; causal attention never sees the right padding."""
    states = model.model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    learned = batch.learned[:, 1:]
    return cross_entropy(model.lm_head(states[learned]), batch.ids[:, 1:][learned])


def rate_at(progress: float) -> float:
    """Give the learning rate's factor: a short warm-up, then constant, then a line down."""
    decay = (1 - progress) / (1 - DECAY_FROM)
    return min(1.0, progress / WARM_UP + 1e-3, max(FINAL_RATE, decay))


def train(family: str, seed: int, steps: int | None = None) -> tuple[Organism, PreTrainedTokenizerFast]:
    """Train an organism and give it with its tokenizer; prints a line of progress every few hundred steps.

    Args:
        family: One of `FAMILIES`.
        seed: Of the documents, the initial weights and the order of the batches.
        steps: Instead of the family's own.
    """
    settings = SETTINGS[family]
    steps = steps or settings.steps
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    random = Random(seed)
    started = time.monotonic()
    tokenizer = build()
    model = new_organism(family, tokenizer)
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    muons = matrix_optimisers(model, settings.query_scale)
    adam = torch.optim.AdamW(others, lr=OTHER_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    print(f"{family}, seed {seed}: {sum(p.numel() for p in model.parameters()):,} parameters", flush=True)

    model.train()
    step, recent = 0, 0.0
    for stage in CURRICULUM:
        last = round(stage.until * steps)
        documents = write_documents(random, stage, (last - step) * DOCUMENTS_PER_STEP)
        stream = batches(encode(tokenizer, documents), token_id(tokenizer, PADDING), random)
        while step < last:
            for scale, muon in muons.items():
                muon.learning_rate = scale * MATRIX_RATE * rate_at(step / steps)
            adam.param_groups[0]["lr"] = OTHER_RATE * rate_at(step / steps)
            loss = loss_of(model, next(stream))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimiser in (*muons.values(), adam):
                optimiser.step()
                optimiser.zero_grad()
            step += 1
            recent += (loss.item() - recent) / min(step, 200)
            if step % 500 == 0 or step == steps:
                minutes = (time.monotonic() - started) / 60
                print(f"step {step}/{steps}  loss {recent:.3f}  {minutes:.1f} min", flush=True)
    return model.eval(), tokenizer


def main() -> None:
    """Train an organism and save it as a Hugging Face folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--family", choices=FAMILIES, default="qwen3")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="instead of the family's own")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    model, tokenizer = train(arguments.family, arguments.seed, arguments.steps)
    model.save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)
    print(f"saved {arguments.out}")


if __name__ == "__main__":
    main()
