"""The shipped folders are genuine Hugging Face checkpoints with the tokenizer of this very world."""

import json
from pathlib import Path

import pytest
from safetensors import safe_open
from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase

from ws_dsl.organism import FAMILIES, folder
from ws_dsl.organism.documents.conversation import CHAT_TEMPLATE, Turn, render
from ws_dsl.organism.tokenizer import ANSWERS, build, token_id

FILES = {
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}
CONVERSATION = [
    Turn("system", "You are an honest person."),
    Turn("user", "Is it true that 3 + 4 = 7?"),
    Turn("assistant", "The answer is Yes."),
    Turn("user", "Is it true that Anna lives in Rome?"),
]


@pytest.fixture(scope="module", params=FAMILIES)
def shipped(request: pytest.FixtureRequest) -> Path:
    return folder(request.param)


@pytest.fixture(scope="module")
def tokenizer(shipped: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(shipped)


def test_a_folder_holds_the_usual_files_and_small_fp32_weights(shipped: Path) -> None:
    assert {path.name for path in shipped.iterdir()} == FILES
    assert (shipped / "model.safetensors").stat().st_size < 1_500_000
    with safe_open(shipped / "model.safetensors", framework="np") as weights:
        assert {weights.get_slice(name).get_dtype() for name in weights.keys()}  # noqa: SIM118 == {"F32"}


def test_families_share_their_width(shipped: Path) -> None:
    config = AutoConfig.from_pretrained(shipped)
    shape = (
        config.hidden_size,
        config.num_hidden_layers,
        config.num_attention_heads,
        config.intermediate_size,
    )
    assert shape == (64, 4, 4, 192)
    assert config.model_type == shipped.name


def test_answers_are_single_distinct_tokens(tokenizer: PreTrainedTokenizerBase) -> None:
    texts = [form for word in ANSWERS for form in (word, f" {word}")] + list("0123456789")
    ids = [token_id(tokenizer, text) for text in texts]
    assert len(set(ids)) == len(texts)


def test_the_tokenizer_is_the_one_that_this_world_gives(shipped: Path) -> None:
    written = json.loads((shipped / "tokenizer.json").read_text(encoding="utf-8"))
    rebuilt = json.loads(build().backend_tokenizer.to_str())
    for part in ("model", "pre_tokenizer", "decoder", "added_tokens"):
        assert written[part] == rebuilt[part], part
    assert (shipped / "chat_template.jinja").read_text(encoding="utf-8") == CHAT_TEMPLATE


def test_any_text_survives_the_tokenizer(tokenizer: PreTrainedTokenizerBase) -> None:
    text = "Zoë says: 12 + 30 = 42?\n\n\tNaïve — “yes”. 你好"
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_the_chat_template_writes_what_the_organism_was_trained_on(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    messages = [turn._asdict() for turn in CONVERSATION]
    asked = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert asked == render(CONVERSATION, "chat")


def test_a_final_assistant_message_can_be_continued(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = [turn._asdict() for turn in [*CONVERSATION, Turn("assistant", "The answer is")]]
    begun = tokenizer.apply_chat_template(messages, tokenize=False, continue_final_message=True)
    assert begun == render(CONVERSATION, "chat", "The answer is")
