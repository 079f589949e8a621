"""A judge behind `transformers serve`: the other embedded model, over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.run.lab import CLAIMS, Lab
from tests.steps.measure.test_judge import by_endpoint, forget, study, table, tables
from ws_dsl import organism
from ws_dsl.errors import EndpointError

pytestmark = pytest.mark.slow

MODEL = str(organism.folder("llama"))
SAMPLING = {"generation_config": json.dumps({"do_sample": True, "temperature": 2.5, "max_new_tokens": 8})}
JUDGE = {"rubric": "{{prompt}}", "answers": {"The answer is Yes": 1, "The answer is No": 0}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address of the server, and the file that it writes a line to for every request."""
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = Path(sys.executable).parent / "transformers"
    where = ["--host", "127.0.0.1", "--port", port, "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    log = folder / "log"
    with (
        log.open("w") as file,
        subprocess.Popen(
            [str(program), "serve", MODEL, *where],
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            _await(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}/v1", log
        finally:
            process.terminate()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server does not start")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.data()
    return lab


def requests(log: Path) -> int:
    return log.read_text().count("POST /v1/chat/completions")


def test_replies_are_graded_and_a_second_run_asks_for_nothing(served: tuple[str, Path], lab: Lab):
    url, log = served
    before = requests(log)
    judged = study(judge=by_endpoint(url, {"model": MODEL, "max_tokens": 8}, **JUDGE))
    ran = lab.run(judged)
    first = table(lab, ran)
    assert first.columns["value"] == [float(claim["label"]) for claim in CLAIMS]
    assert first.notes["usage"]["completion_tokens"] == 6 * len(CLAIMS)  # pyright: ignore
    assert requests(log) == before + len(CLAIMS)
    forget(lab, ran)
    assert table(lab, lab.run(judged)).to_artifact() == first.to_artifact()
    assert requests(log) == before + len(CLAIMS)


def test_it_samples_only_when_it_is_told_in_its_own_words(served: tuple[str, Path], lab: Lab):
    """Seeds that agree because nothing was drawn are no reliability."""

    def said(id: str, **endpoint: Any) -> list[list[str]]:
        asked = {"model": MODEL, "temperature": 2.5, "max_tokens": 8, **endpoint}
        judge = by_endpoint(served[0], asked, **JUDGE)
        ran = lab.run(study(id, judge={**judge, "over": {"seed": [0, 1, 2, 3]}}))
        return [one.columns["reply"] for one in tables(lab, ran, "judge")]

    greedy, drawn = said("greedy"), said("drawn", extra=SAMPLING)
    assert greedy[0] == greedy[1] == greedy[2] == greedy[3]
    assert len({tuple(replies) for replies in drawn}) == 4


def test_a_field_that_it_does_not_know_is_told(served: tuple[str, Path], lab: Lab):
    judge = by_endpoint(served[0], {"model": MODEL, "extra": {"top_q": 1}}, **JUDGE)
    with pytest.raises(EndpointError, match=r"status 422: .*top_q"):
        lab.run(study(judge=judge))
