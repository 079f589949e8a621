"""A checkpoint folder as files: what defines it, its shape, and its tokens, without loading the model."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_dsl.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_TOKENIZER_FILES = (
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
)
_CONFIGURATION_FILES = ("config.json", "generation_config.json")
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


class Shape(NamedTuple):
    """Sizes of a decoder.

    Attributes:
        layers: Number of blocks.
        width: Width of the residual stream.
        heads: Query heads per block, which is also the number of slices of the input of `o_proj`.
        kv_heads: Key/value heads per block; fewer than `heads` under grouped-query attention.
        head_width: Width of one head.
        neurons: Neurons per block: the width of the input of `down_proj`.
        vocabulary: Rows of the unembedding.
        context: Longest row of tokens that the model was made for.
    """

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    neurons: int
    vocabulary: int
    context: int


def defining_files(folder: Path) -> list[str]:
    """Names of the files that define the checkpoint: configuration, weights, tokenizer; sorted.

    Raises:
        ModelError: no `config.json`, no weights, or weights that are only there in pickled form.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} is no checkpoint: it has no config.json")
    weights = _weights(folder)
    present = [name for name in _CONFIGURATION_FILES if (folder / name).is_file()]
    return sorted([*present, *weights, *tokenizer_files(folder)])


def tokenizer_files(folder: Path) -> list[str]:
    """Names of the files that define the tokenizer and its chat template; sorted.

    Raises:
        ModelError: no `tokenizer.json`.
    """
    if not (folder / "tokenizer.json").is_file():
        raise ModelError(
            f"{folder} has no tokenizer.json; make one with\n"
            f'python -c "from transformers import AutoTokenizer as T; '
            f"T.from_pretrained('{folder}').save_pretrained('{folder}')\""
        )
    templates = [
        path.relative_to(folder).as_posix() for path in folder.glob("additional_chat_templates/*.jinja")
    ]
    return sorted([*(name for name in _TOKENIZER_FILES if (folder / name).is_file()), *templates])


def shape(folder: Path) -> Shape:
    """Sizes of the decoder by its `config.json`."""
    return shape_of(json.loads((folder / "config.json").read_text(encoding="utf-8")))


def shape_of(config: dict[str, Any]) -> Shape:
    """Sizes of the decoder by the fields of its configuration."""
    fields: dict[str, Any] = config.get("text_config") or config
    heads = fields["num_attention_heads"]
    return Shape(
        layers=fields["num_hidden_layers"],
        width=fields["hidden_size"],
        heads=heads,
        kv_heads=fields.get("num_key_value_heads") or heads,
        head_width=fields.get("head_dim") or fields["hidden_size"] // heads,
        neurons=fields["intermediate_size"],
        vocabulary=fields["vocab_size"],
        context=fields["max_position_embeddings"],
    )


def encode_plain(folder: Path, text: str) -> list[int]:
    """Token ids of a text without BOS or other added tokens; needs neither torch nor transformers."""
    return _tokenizer(folder).encode(text, add_special_tokens=False).ids


def single_token(folder: Path, string: str) -> int:
    """Id of a string that is exactly one token.

    Raises:
        ModelError: the string is several tokens, or none; says which.
    """
    ids = encode_plain(folder, string)
    if len(ids) == 1:
        return ids[0]
    raise ModelError(not_single(string, pieces(folder, string)))


def pieces(folder: Path, text: str) -> list[str]:
    """The strings of a text's tokens."""
    tokenizer = _tokenizer(folder)
    return [tokenizer.decode([token]) for token in encode_plain(folder, text)]


def not_single(string: str, parts: list[str]) -> str:
    """What is said of a string that should be one token and is not."""
    if not parts:
        return f"{string!r} is no token of this model"
    pieces = " + ".join(repr(part) for part in parts)
    return f"{string!r} is {len(parts)} tokens of this model, not one: {pieces}"


def _tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    state = path.stat()
    return _read_tokenizer(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)
def _read_tokenizer(path: Path, _modified: int, _size: int) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _weights(folder: Path) -> list[str]:
    weights = [path.name for path in folder.glob("*.safetensors")]
    if weights:
        return [*weights, *(path.name for path in folder.glob("*.safetensors.index.json"))]
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    if not pickled:
        raise ModelError(f"{folder} has no weights: no *.safetensors file is in it")
    raise ModelError(
        f"{folder} has its weights in pickled form ({', '.join(pickled)}), which can run code when read. "
        f"If you trust where it is from, convert it with\n"
        f'python -c "from transformers import AutoModelForCausalLM as M; '
        f"M.from_pretrained('{folder}', use_safetensors=False).save_pretrained('{folder}')\""
    )


def hub_folder(repo: str, revision: str) -> Path:
    """Where the Hugging Face cache keeps a revision of a repository; it may not be there yet."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    return cache / f"models--{repo.replace('/', '--')}" / "snapshots" / revision
