"""Small random checkpoints on which a measurement that is wrong cannot look right.

Their attention is peaked, their logits are spread out and no norm is neutral, so that a wrong mask, position,
head, norm or BOS moves every number by far more than rounding. Grouped-query attention, windows shorter than
the prompts, tokenizers with and without BOS, chat templates that trim.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

Family = Literal["qwen2", "qwen3", "llama", "mistral", "gemma3"]
FAMILIES: tuple[Family, ...] = ("qwen2", "qwen3", "llama", "mistral", "gemma3")
WINDOW = 12
"""Tokens that a windowed layer of Mistral or Gemma 3 sees; prompts of the tests are longer."""

_CLASSES: dict[Family, Any] = {
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    "llama": (LlamaConfig, LlamaForCausalLM),
    "mistral": (MistralConfig, MistralForCausalLM),
    "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM),
}

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
    """A byte-level BPE tokenizer; but for Qwen's it adds BOS, and the chat template writes BOS too."""
    qwen = family in ("qwen2", "qwen3")
    special = (
        ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
        if qwen
        else ["<|bos|>", "<|eot|>", "<|start|>", "<|end|>"]
    )
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
    if qwen:
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
        "vocab_size": len(words),
        "max_position_embeddings": 256,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
        "tie_word_embeddings": False,
    }
    if family != "qwen2":
        sizes["head_dim"] = width // 4
    if family in ("mistral", "gemma3"):
        sizes["sliding_window"] = WINDOW
    if family == "gemma3":
        kinds = ["sliding_attention", "full_attention"]
        sizes |= {
            "layer_types": [kinds[layer % 2] for layer in range(layers)],
            "query_pre_attn_scalar": width // 4,
            "final_logit_softcapping": 4.0,
        }
    configuration, causal = _CLASSES[family]
    torch.manual_seed(seed)
    model = causal(configuration(**sizes))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=parameter.shape[1] ** -0.5)
            elif "norm" in name:
                parameter.add_(0.3 * torch.randn_like(parameter))
            else:
                parameter.normal_(std=0.3)
            # Blocks that add much to the residual stream blow rounding up beyond what is compared.
            if "o_proj.weight" in name or "down_proj" in name:
                parameter.mul_(0.5)
            if family == "gemma3" and ("post_attention" in name or "post_feedforward" in name):
                parameter.sub_(0.6)
            if "q_proj.weight" in name and family not in ("qwen3", "gemma3"):
                parameter.mul_(2.2)
            if "q_norm" in name:
                parameter.add_(1.2 if family == "gemma3" else 1.5)
            if "embed_tokens" in name and family != "gemma3":
                parameter.mul_(width**0.5)
        model.lm_head.weight.mul_(1.4)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
