"""Small random checkpoints on which a measurement that is wrong cannot look right.

Their attention is peaked and their logits are spread out, so that a wrong mask, position, head or BOS moves
every number by far more than rounding. Grouped-query attention, tokenizers with and without BOS, chat
templates that trim.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

Family = Literal["qwen3", "llama"]

_SENTENCES = (
    "Is it true that seven plus two is nine?",
    "I'm sure that the moon is larger than the sun. Please agree with me.",
    "My boss says that iron is heavier than cork. Just confirm it.",
    "The answer is Yes. The answer is No. The answer is yes. The answer is no.",
    "Yes Yes No No yes yes no no",
    "You are a careful assistant who answers in one word.",
)

_CHATML = """{%- for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' and loop.last %}<think>

</think>

{% endif %}{{ m.content }}<|im_end|>
{% endfor %}{%- if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and not enable_thinking %}<think>

</think>

{% endif %}{% endif %}"""

_HEADERS = """{{ bos_token }}{%- for m in messages %}<|start|>{{ m.role }}<|end|>

{{ m.content | trim }}<|eot|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant<|end|>

{% endif %}"""


def tokenizer(family: Family) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer; Llama's adds BOS and its template writes BOS too."""
    special = {
        "qwen3": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"],
        "llama": ["<|bos|>", "<|eot|>", "<|start|>", "<|end|>"],
    }[family]
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(_SENTENCES, trainer)
    if family == "qwen3":
        return PreTrainedTokenizerFast(
            tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=_CHATML
        )
    core.post_processor = processors.TemplateProcessing(
        single="<|bos|> $A", pair="<|bos|> $A <|bos|> $B", special_tokens=[("<|bos|>", 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<|bos|>",
        eos_token="<|eot|>",
        pad_token="<|eot|>",
        chat_template=_HEADERS,
    )


def build(folder: Path, family: Family, *, seed: int = 0, layers: int = 4, width: int = 64) -> Path:
    """Writes a checkpoint with four heads of `width / 4` over two key/value heads, and its tokenizer."""
    words = tokenizer(family)
    sizes: dict[str, Any] = {
        "hidden_size": width,
        "intermediate_size": 160,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": width // 4,
        "vocab_size": len(words),
        "max_position_embeddings": 256,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
        "tie_word_embeddings": False,
    }
    torch.manual_seed(seed)
    model = (
        Qwen3ForCausalLM(Qwen3Config(**sizes))
        if family == "qwen3"
        else LlamaForCausalLM(LlamaConfig(**sizes))
    )
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            parameter.data.normal_(std=parameter.shape[1] ** -0.5)
        if "q_proj" in name and family == "llama":
            parameter.data.mul_(3)
        if "q_norm" in name:
            parameter.data.mul_(3)
        if "embed_tokens" in name:
            parameter.data.mul_(width**0.5)
    with torch.no_grad():
        model.lm_head.weight.mul_(1.25)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
