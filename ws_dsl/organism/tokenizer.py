"""The organisms' tokenizer: byte-level BPE with Qwen's pre-tokenizer, built from the world's own documents.

It does not depend on the training seed, so every checkpoint of one revision of the world has the same one.
Needs the `tokenizers` and `transformers` packages, which are imported with this module.
"""

from random import Random
from typing import cast

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from ws_dsl.organism.documents import CURRICULUM, write_documents
from ws_dsl.organism.documents.conversation import CHAT_TEMPLATE, PADDING, TURN_END, TURN_START
from ws_dsl.organism.planted import FRUITS

VOCABULARY = 1024
CONTEXT = 512
SAMPLE = 12000
ANSWERS = ("Yes", "No", "yes", "no", "A", "B", "good", "bad", *FRUITS)
"""Words that are one token each, with and without a space before them."""

_ANSWER_COPIES = 3000
_PRE_TOKENS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def corpus() -> list[str]:
    """Write the text that merges are learned from: documents of every stage, and the answers many times."""
    random = Random(1)
    stages = zip(CURRICULUM, (SAMPLE // 6, SAMPLE // 6, SAMPLE), strict=True)
    documents = [document for stage, count in stages for document in write_documents(random, stage, count)]
    texts = ["".join(segment.text for segment in document) for document in documents]
    plain = [part for text in texts for part in text.replace(TURN_END, TURN_START).split(TURN_START) if part]
    return plain + [form for word in ANSWERS for form in (word, f" {word}")] * _ANSWER_COPIES


def build() -> PreTrainedTokenizerFast:
    """Build the tokenizer. Takes a few seconds and always gives the same one."""
    tokenizer = Tokenizer(models.BPE())
    pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PRE_TOKENS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizer  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PADDING, TURN_START, TURN_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=TURN_END,
        pad_token=PADDING,
        model_max_length=CONTEXT,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def token_id(tokenizer: PreTrainedTokenizerBase, text: str) -> int:
    """Give the id of a text that is one token.

    Raises:
        ValueError: If the text is not exactly one token.
    """
    ids = cast(list[int], tokenizer.encode(text, add_special_tokens=False))
    if len(ids) != 1:
        raise ValueError(f"{text!r} is {len(ids)} tokens, not one")
    return ids[0]
