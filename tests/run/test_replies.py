"""Replies in a store: found again, verified, and the first of two stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ws_dsl.artifacts.reply import Reply
from ws_dsl.registry import Store
from ws_dsl.run.replies import StoredReplies

REPLY = Reply("4", "stop", None, "served", {"prompt_tokens": 7})


def request(word: str, **fields: Any) -> dict[str, Any]:
    return {"endpoint": "mine", "body": {"messages": [{"role": "user", "content": word}], **fields}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "registry")


def test_what_is_kept_is_found_by_others(store: Store):
    replies = [REPLY, Reply(None, "content_filter", "No."), Reply(None, raw="<html>\n"), Reply("é 🙂 \u2028")]
    requests = [request(word) for word in "abcd"]
    mine = StoredReplies(store)
    assert mine.find([mine.key(one) for one in requests]) == {}
    assert mine.keep(list(zip(requests, replies, strict=True))) == replies
    other = StoredReplies(Store(store.root))
    keys = [other.key(one) for one in requests]
    assert other.find(keys) == dict(zip(keys, replies, strict=True))
    assert not store.verify() and not store.cross_check()


def test_a_key_is_of_every_byte_that_is_sent():
    replies = StoredReplies(Store(Path("nowhere")))
    asked = [
        request("a"),
        request("a "),
        request("a", seed=0),
        request("a", temperature=0.0),
        request("a", temperature=1.0),
        {**request("a"), "endpoint": "another"},
        {**request("a"), "body": {"messages": [{"role": "system", "content": "a"}]}},
    ]
    assert len({replies.key(one) for one in asked}) == len(asked)
    assert replies.key({"body": request("a")["body"], "endpoint": "mine"}) == replies.key(request("a"))


def test_the_first_of_two_stands(store: Store):
    first, second = StoredReplies(store), StoredReplies(Store(store.root))
    first.keep([(request("a"), REPLY)])
    assert second.keep([(request("a"), Reply("5")), (request("b"), Reply("1"))]) == [REPLY, Reply("1")]
    assert first.find([first.key(request("a"))]) == {first.key(request("a")): REPLY}


@pytest.mark.parametrize("what", ["object", "manifest", "gone"])
def test_damage_is_set_aside_and_asked_for_again(store: Store, what: str):
    replies = StoredReplies(store)
    key = replies.key(request("a"))
    replies.keep([(request("a"), REPLY)])
    manifest = store.require(key)
    path = store.layout.object(manifest.files["reply.json"].sha256)
    path = store.layout.manifest(key) if what == "manifest" else path
    path.chmod(0o644)
    if what == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"stop", b"spot").replace(b"mine", b"fine"))
    assert Store(store.root).verify()
    fresh = StoredReplies(Store(store.root))
    assert fresh.find([key]) == {}
    assert fresh.keep([(request("a"), REPLY)]) == [REPLY]
    assert fresh.find([key]) == {key: REPLY} and not Store(store.root).verify()


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("yes", True), ("0", False), ("", False), (None, False)]
)
def test_when_nothing_may_be_asked(
    store: Store, monkeypatch: pytest.MonkeyPatch, value: str | None, offline: bool
):
    monkeypatch.delenv("WS_DSL_OFFLINE", raising=False)
    if value is not None:
        monkeypatch.setenv("WS_DSL_OFFLINE", value)
    assert StoredReplies(store).offline is offline


def test_the_list_of_artifacts_leaves_them_out(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    from ws_dsl.cli.main import app

    StoredReplies(store).keep([(request("a"), REPLY)])
    monkeypatch.chdir(store.root.parent)
    app(["ls", "reply"], standalone_mode=False)
    assert "reply" in capsys.readouterr().out
    with pytest.raises(Exception, match="no artifact"):
        app(["ls"], standalone_mode=False)
