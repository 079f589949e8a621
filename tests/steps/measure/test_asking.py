"""Requests to an endpoint that fails in all the ways that endpoints fail in."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Barrier, Event
from typing import Any

import pytest

from tests.steps.measure.stub import Alone, Answer, Memory, completion, serving
from ws_dsl.errors import EndpointError
from ws_dsl.steps.measure import _asking
from ws_dsl.steps.measure._asking import ask
from ws_dsl.steps.measure._endpoint import Endpoint, request

SECRET = "sk-never-written-down"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_asking, "FIRST_PAUSE", 0.001)


def endpoint(url: str, **fields: Any) -> Endpoint:
    return Endpoint.model_validate({"url": url, "model": "judge", **fields})


def asked(url: str, words: list[str], context: Alone | None = None, **fields: Any) -> list[str]:
    """What is replied to each of the words."""
    whom = endpoint(url, **fields)
    requests = [request(whom, [{"role": "user", "content": word}], ["1"], None) for word in words]
    return [one.shown for one in ask(requests, whom, context or Alone()).replies]  # pyright: ignore


def echo(body: dict[str, Any], before: int) -> Answer:
    return completion(f"to {body['messages'][-1]['content']}")


def test_replies_come_in_the_order_of_the_requests_and_equal_ones_are_one():
    with serving(echo) as stub:
        words = [str(number % 7) for number in range(20)]
        assert asked(stub.url, words) == [f"to {word}" for word in words]
        assert len(stub.bodies) == 7
        assert stub.bodies[0].keys() == {"model", "messages", "temperature", "max_tokens"}


def test_what_is_kept_is_not_asked_again():
    with serving(echo) as stub:
        context = Alone()
        first = asked(stub.url, ["a", "b"], context)
        assert asked(stub.url, ["b", "a"], context) == first[::-1] and len(stub.bodies) == 2
        asked(stub.url, ["a", "c"], context)
        assert len(stub.bodies) == 3 and context.rows == 3


@pytest.mark.parametrize(
    "change",
    [
        {"name": "another"},
        {"model": "another"},
        {"temperature": 1.0},
        {"temperature": None},
        {"max_tokens": 3},
        {"form": "json"},
        {"extra": {"top_p": 0.5}},
    ],
    ids=", ".join,
)
def test_another_setting_is_another_request(change: dict[str, Any]):
    with serving(echo) as stub:
        context = Alone()
        asked(stub.url, ["a"], context)
        asked(stub.url, ["a"], context, **change)
        assert len(stub.bodies) == 2


def test_a_server_that_moved_is_the_same_by_its_name():
    context = Alone()
    for requests in (1, 0):
        with serving(echo) as stub:
            asked(stub.url, ["a"], context, name="mine", timeout=9, concurrency=2, attempts=3)
            assert len(stub.bodies) == requests


def failing(times: int, answer: Answer) -> Any:
    return lambda body, before: answer if before < times else completion("4")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, "{}", {"retry-after": "0"}),
        Answer(429, "slow down", {"retry-after": format_datetime(datetime.now(UTC) - timedelta(days=1))}),
        Answer(500, "{}"),
        Answer(503, "<html>"),
        Answer(408, ""),
        Answer(None),
        Answer(200, "<html>no completion</html>"),
        Answer(200, '{"choices": []}'),
        Answer(200, '{"choices": [{"message"'),
    ],
    ids=["429", "429 by date", "500", "503", "408", "dropped", "html", "no choice", "cut"],
)
def test_what_may_pass_is_asked_again(answer: Answer):
    with serving(failing(2, answer)) as stub:
        assert asked(stub.url, ["a"], attempts=3) == ["4"]
        assert len(stub.bodies) == 3


def test_attempts_are_bounded_and_the_error_says_what_is_left():
    def reply(body: dict[str, Any], before: int) -> Answer:
        return Answer(500, "out of order") if body["messages"][0]["content"] == "bad" else completion("4")

    with serving(reply) as stub:
        context = Alone()
        with pytest.raises(EndpointError) as raised:
            asked(stub.url, ["a", "b", "bad"], context, attempts=3, concurrency=1)
        said = str(raised.value)
        assert stub.url in said and "status 500: out of order, 3 times" in said
        assert "2 of 3 replies came and are kept; running again asks for the other 1 alone" in said
        assert Counter(body["messages"][0]["content"] for body in stub.bodies)["bad"] == 3
        before = len(stub.bodies)
        with pytest.raises(EndpointError, match="0 of 1 replies came"):
            asked(stub.url, ["a", "b", "bad"], context, attempts=1)
        assert len(stub.bodies) == before + 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_will_not_pass_ends_all_at_once(status: int):
    with serving(lambda body, before: Answer(status, "it is wrong")) as stub:
        with pytest.raises(EndpointError, match=f"status {status}: it is wrong"):
            asked(stub.url, [str(number) for number in range(50)], concurrency=2)
        assert len(stub.bodies) <= 2


def test_a_slow_reply_is_not_waited_for():
    over = Event()

    def reply(body: dict[str, Any], before: int) -> Answer:
        over.wait(20)
        return completion("late")

    with serving(reply) as stub:
        try:
            with pytest.raises(EndpointError, match=r"no reply within 0\.05 s, 2 times"):
                asked(stub.url, ["a"], timeout=0.05, attempts=2)
            assert len(stub.bodies) == 2
        finally:
            over.set()


def test_nobody_there():
    with serving(echo) as stub:
        url = stub.url
    with pytest.raises(EndpointError, match="the connection failed"):
        asked(url, ["a"], attempts=2)


def test_the_pause_is_that_which_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    waited: list[float] = []
    monkeypatch.setattr(Event, "wait", lambda self, seconds=None: waited.append(seconds) or False)
    client = _asking._Client(endpoint("http://127.0.0.1:1/v1", attempts=4))
    answers = iter([_asking._Passing("", 17.0), _asking._Passing(""), _asking._Passing("")])

    def once(body: Any) -> Any:
        raise next(answers)

    monkeypatch.setattr(client, "_once", once)
    with pytest.raises(StopIteration):
        client.ask({})
    assert waited == [0.0, 17.0, 0.002, 0.004]


def test_a_pause_that_is_too_long_ends_the_run():
    with serving(lambda body, before: Answer(429, "", {"retry-after": "7200"})) as stub:
        with pytest.raises(EndpointError, match="asks to be left alone for 7200 s"):
            asked(stub.url, ["a"])
        assert len(stub.bodies) == 1


@pytest.mark.parametrize(
    ("written", "seconds"), [("3", 3), ("0.5", 0.5), ("-2", 0), ("soon", None), (None, None)]
)
def test_how_a_pause_is_asked_for(written: str | None, seconds: float | None):
    assert _asking._pause(written) == seconds


def test_a_pause_until_a_date():
    found = _asking._pause(format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True))
    assert found is not None and 500 < found <= 600


def test_what_stays_malformed_is_kept_as_it_is():
    def reply(body: dict[str, Any], before: int) -> Answer:
        return Answer(200, "{oops") if body["messages"][0]["content"] == "bad" else completion("4")

    with serving(reply) as stub:
        context = Alone()
        assert asked(stub.url, ["bad", "a"], context, attempts=2) == ["{oops", "4"]
        assert asked(stub.url, ["bad", "a"], context) == ["{oops", "4"] and len(stub.bodies) == 3


def test_a_server_of_another_kind_is_no_judge():
    """Nothing that it says is kept: a rerun at the right address asks all."""
    with serving(lambda body, before: Answer(200, "<html>It works!</html>")) as stub:
        context = Alone()
        with pytest.raises(EndpointError, match="no chat completion: '<html>It works!"):
            asked(stub.url, ["a", "b"], context, attempts=2)
        assert not context.replies.kept


def test_replies_are_kept_before_the_last_has_come():
    """A kill loses only what is under way."""
    context, last = Alone(), Event()

    def reply(body: dict[str, Any], before: int) -> Answer:
        if body["messages"][0]["content"] == "last":
            while len(context.replies.kept) < 3 and not last.wait(0.01):
                pass
        return completion("4")

    with serving(reply) as stub:
        assert len(asked(stub.url, ["a", "last", "b", "c"], context, concurrency=2)) == 4


def test_only_so_many_at_once():
    together = Barrier(3, timeout=20)

    def reply(body: dict[str, Any], before: int) -> Answer:
        together.wait()
        return completion("4")

    with serving(reply) as stub:
        asked(stub.url, [str(number) for number in range(9)], concurrency=3)
        assert stub.most == 3


def test_offline_a_miss_is_an_error_that_names_the_key():
    with serving(echo) as stub:
        context = Alone(Memory(offline=True))
        whom = endpoint(stub.url)
        key = context.replies.key(request(whom, [{"role": "user", "content": "b"}], ["1"], None))
        asked(stub.url, ["a"], Alone(Memory(kept=context.replies.kept)))
        assert asked(stub.url, ["a"], context) == ["to a"]
        with pytest.raises(EndpointError) as raised:
            asked(stub.url, ["a", "b"], context)
        assert str(raised.value).endswith(key) and "1 of 2 replies" in str(raised.value)
        assert len(stub.bodies) == 1


def test_the_api_key_is_sent_and_nowhere_else(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUDGE_KEY", SECRET)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-someone-else")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-someone-else")

    def reply(body: dict[str, Any], before: int) -> Answer:
        word = body["messages"][0]["content"]
        if word == "tell":
            return Answer(401, f"Incorrect API key provided: {SECRET}")
        return completion(f"your key is {SECRET}")

    with serving(reply) as stub:
        context = Alone()
        assert asked(stub.url, ["a"], context, key_env="JUDGE_KEY") == ["your key is [key]"]
        assert stub.headers[0]["authorization"] == f"Bearer {SECRET}"
        assert SECRET not in str(context.replies.kept)
        with pytest.raises(EndpointError, match=r"provided: \[key\]"):
            asked(stub.url, ["tell"], context, key_env="JUDGE_KEY")
        asked(stub.url, ["b"])
        assert "someone-else" not in str(stub.headers)
        monkeypatch.delenv("JUDGE_KEY")
        with pytest.raises(EndpointError, match="JUDGE_KEY, which is to hold the API key, is not set"):
            asked(stub.url, ["c"], key_env="JUDGE_KEY")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(EndpointError, match=r"pip install 'ws-dsl\[openai\]'"):
        asked("http://127.0.0.1:1/v1", ["a"])


def test_a_reply_that_was_filtered_is_a_reply():
    body = '{"error": {"code": "content_filter", "message": "no"}}'
    with serving(lambda _, before: Answer(400, body)) as stub:
        assert asked(stub.url, ["a"]) == [body]


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "127.0.0.1:8000"},
        {"url": "https://me:secret@host/v1"},
        {"url": "https://host/v1?key=secret"},
        {"key_env": "sk-abc"},
        {"extra": {"model": "another"}},
        {"extra": {"stream": True}},
        {"extra": {"top_p": float("nan")}},
        {"concurrency": 0},
        {"temperature": -1},
        {"tempature": 1},
    ],
    ids=str,
)
def test_fields_that_cannot_be_meant(fields: dict[str, Any]):
    with pytest.raises(ValueError, match="validation error"):
        endpoint(**{"url": "http://host/v1", **fields})


@pytest.mark.parametrize(
    ("usage", "known"),
    [
        (None, {}),
        ("many", {}),
        ([7, 2], {}),
        ({"prompt_tokens": None, "completion_tokens": 2}, {"completion_tokens": 2}),
        ({"prompt_tokens": -1, "completion_tokens": 2.0}, {"completion_tokens": 2}),
        ({"prompt_tokens": 7, "completion_tokens": 2.5}, {"prompt_tokens": 7}),
        ({"prompt_tokens": 10**30}, {}),
        ({"total_tokens": 9}, {}),
    ],
    ids=repr,
)
def test_a_reply_stands_where_its_tokens_are_not_counted_as_they_should(usage: Any, known: dict[str, int]):
    body = {**json.loads(completion("4").body), "usage": usage}
    with serving(lambda asked, before: Answer(body=json.dumps(body))) as stub:
        context = Alone()
        assert asked(stub.url, ["a"], context, attempts=1) == ["4"]
    (reply,) = context.replies.kept.values()
    assert (reply.usage, reply.raw) == (known, None)


def test_a_reply_that_does_not_count_its_tokens():
    body = {name: value for name, value in json.loads(completion("4").body).items() if name != "usage"}
    with serving(lambda asked, before: Answer(body=json.dumps(body))) as stub:
        context = Alone()
        assert asked(stub.url, ["a"], context, attempts=1) == ["4"]
    assert [reply.usage for reply in context.replies.kept.values()] == [{}]
