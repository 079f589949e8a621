"""Token ids, made once, with the string of every token beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ws_dsl.errors import ModelError
from ws_dsl.specs.checkpoint import not_single, tokenizer_files


class Encoded(NamedTuple):
    """A text as tokens.

    Attributes:
        ids: Token ids, BOS first and once where the tokenizer has one that it adds.
        offsets: Start and end of every token in the text, in characters; (0, 0) for an added BOS.
    """

    ids: list[int]
    offsets: list[tuple[int, int]]


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a checkpoint folder, without its weights.

    Raises:
        ModelError: the folder has no `tokenizer.json`.
    """
    from transformers import AutoTokenizer

    tokenizer_files(folder)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def encode(tokenizer: Any, text: str) -> Encoded:
    """Token ids of a text as the model should read it, BOS exactly once where the tokenizer adds one.

    Chat templates write BOS into the text themselves and a tokenizer that adds it again doubles it, which
    changes every later activation; so nothing is added by the tokenizer, and BOS is put in front only where
    it is missing.

    Raises:
        ModelError: the text itself starts with BOS twice.
    """
    encoding = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(encoding["input_ids"]), [tuple(pair) for pair in encoding["offset_mapping"]]
    bos = tokenizer.bos_token_id
    if bos is not None and ids[:2] == [bos, bos]:
        raise ModelError(f"a prompt starts with {tokenizer.bos_token} twice: {text[:60]!r}")
    if (
        bos is not None
        and ids[:1] != [bos]
        and tokenizer("", add_special_tokens=True)["input_ids"][:1] == [bos]
    ):
        return Encoded([bos, *ids], [(0, 0), *offsets])
    return Encoded(ids, offsets)


def strings(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """The string of every token, leading space included; an incomplete character shows as U+FFFD."""
    found = {token: _string(tokenizer, token) for token in set(ids)}
    return [found[token] for token in ids]


def single_token(tokenizer: Any, string: str) -> int:
    """Id of a string that is exactly one token, as it stands in the middle of a text.

    Raises:
        ModelError: the string is several tokens, or none; says which.
    """
    ids = tokenizer(string, add_special_tokens=False)["input_ids"]
    if len(ids) == 1:
        return ids[0]
    raise ModelError(not_single(string, strings(tokenizer, ids)))


def _string(tokenizer: Any, token: int) -> str:
    # Decoders may strip the space before a first token; the second of a pair keeps it.
    once, twice = tokenizer.decode([token]), tokenizer.decode([token, token])
    return twice[len(once) :]
