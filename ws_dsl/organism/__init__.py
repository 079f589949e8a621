"""The embedded model organisms: small chat models trained on a synthetic world with planted truths.

The checkpoints are genuine Hugging Face folders (fp32 safetensors, a tokenizer of their own, a ChatML
template) that `transformers.AutoModelForCausalLM.from_pretrained` loads without any code of this package.
What they were taught, and therefore what an analysis should find, is written in `planted.py`.

Importing this package imports neither torch nor transformers nor numpy.
"""

from pathlib import Path

WORLD = "organism"
"""The world that the checkpoints speak of; data files declare the same word."""

FAMILIES = ("qwen3", "llama")
"""Model families that are trained and shipped, all with the same width and tokenizer."""


def folder(family: str = "qwen3") -> Path:
    """Give the folder of a shipped checkpoint.

    Args:
        family: One of `FAMILIES`.

    Raises:
        ValueError: If the family is not known.
    """
    if family not in FAMILIES:
        raise ValueError(f"unknown organism family {family!r}; known: {', '.join(FAMILIES)}")
    return Path(__file__).parent / "weights" / family
