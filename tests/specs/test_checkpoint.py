"""A checkpoint folder as files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkpoints import build, tokenizer
from ws_dsl.errors import ModelError
from ws_dsl.specs.checkpoint import defining_files, encode_plain, single_token, tokenizer_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("llama"), "llama")


def test_what_defines_a_checkpoint(folder: Path):
    (folder / "README.md").write_text("not part of it")
    tokenizer = ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]
    assert tokenizer_files(folder) == tokenizer
    assert defining_files(folder) == sorted(
        ["config.json", "generation_config.json", "model.safetensors", *tokenizer]
    )


def test_plain_tokens_are_the_tokenizers_own(folder: Path):
    from transformers import AutoTokenizer

    words = AutoTokenizer.from_pretrained(folder)
    for text in ("The answer is Yes", " No", "木"):
        assert encode_plain(folder, text) == words(text, add_special_tokens=False)["input_ids"]


def test_an_answer_that_is_not_one_token_is_refused(folder: Path):
    assert [single_token(folder, " Yes")] == encode_plain(folder, " Yes")
    with pytest.raises(ModelError, match="' Yes No' is 2 tokens of this model, not one: ' Yes' \\+ ' No'"):
        single_token(folder, " Yes No")


def test_a_rewritten_tokenizer_is_read_again(tmp_path: Path):
    found: list[list[int]] = []
    for family in ("qwen3", "llama"):
        tokenizer(family).save_pretrained(tmp_path)
        found.append(encode_plain(tmp_path, " Yes"))
    assert found[0] != found[1]


def test_missing_parts_are_named(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        defining_files(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="has no weights"):
        defining_files(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"has no tokenizer\.json"):
        defining_files(tmp_path)


def test_answers_are_looked_up_without_torch_or_transformers(folder: Path):
    code = (
        "import sys; from pathlib import Path; from ws_dsl.specs.checkpoint import shape, single_token; "
        "from ws_dsl.specs.site import Site; "
        f"folder = Path({str(folder)!r}); "
        "single_token(folder, ' Yes'); Site.parse('L3H1').within(shape(folder)); "
        "assert not {'torch', 'transformers', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
