"""`site build`, `site check`, `site serve`."""

from __future__ import annotations

import signal
import sys
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal, process
from tests.run.lab import Lab


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """The command line in a project with one page and no study."""
    (tmp_path / "ws-dsl.toml").touch()
    (tmp_path / "site" / "pages").mkdir(parents=True)
    (tmp_path / "site" / "pages" / "index.md").write_text("# Words\n")
    return Terminal(Lab(tmp_path), monkeypatch, capsys)


def test_check_wants_a_site_that_is_built(ws: Terminal):
    said = ws("site", "check")
    assert said.code == 3 and "ws-dsl site build" in said.err


def test_check_finds_nothing_in_a_site_just_built(ws: Terminal):
    assert ws("site", "build").code == 0
    said = ws("site", "check")
    assert (said.code, said.out) == (0, "")
    assert ws("site", "check", "--json").json["problems"] == []


def test_check_says_one_problem_a_line(ws: Terminal):
    ws("site", "build")
    page = ws.lab.root / "site" / "_build" / "index.html"
    page.write_text(page.read_text().replace("<h1>", '<img src="none.png"><h1>'))
    (ws.lab.root / "site" / "pages" / "more.md").write_text("# More\n")
    said = ws("site", "check")
    assert said.code == 1
    assert said.out.splitlines() == [
        "the pages are not those of the current sources; try: ws-dsl site build",
        "index.html: image none.png has no alt text",
        "index.html: none.png does not exist",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="sends an interrupt as POSIX terminals do")
def test_serve_ends_cleanly_when_interrupted(ws: Terminal):
    code = (
        "import sys; from ws_dsl.cli.main import main\n"
        "sys.argv[1:] = ['site', 'serve', '--port', '0']; main()"
    )
    server = process(ws.lab, code)
    try:
        assert server.stderr
        address = server.stderr.readline().split()[0]
        port = int(address.rsplit(":", 1)[1].strip("/"))
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/")
        assert "Words" in connection.getresponse().read().decode()
        server.send_signal(signal.SIGINT)
        _, err = server.communicate(timeout=60)
        assert (server.returncode, err) == (0, "")
    finally:
        server.kill()
