"""The site as a reader sees it, in a real browser and from `file://`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(find_spec("selenium") is None, reason="needs selenium, from the test extra"),
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs the commands chromium and chromedriver"),
]
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
PAGES = ("index.html", "design.html", "studies/pressure-agreeing/index.html")
STUDY = PAGES[-1]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.get("about:blank")  # leaves the browser's own first page
    yield driver
    driver.quit()


def look(browser: Any, path: Path, *, width: int = 1280, scheme: str = "light") -> None:
    """Opens a page at a width in CSS pixels, for a reader whose system prefers a colour scheme."""
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(path.as_uri())


def background(browser: Any) -> str:
    return browser.execute_script("return getComputedStyle(document.body).backgroundColor")


def column(browser: Any, place: int) -> list[str]:
    script = "return [...document.querySelectorAll('#shift-towards-yes ~ .table-box')[0].querySelectorAll("
    return browser.execute_script(f"{script}'tbody tr')].map(row => row.cells[{place}].textContent)")


@pytest.mark.parametrize("name", PAGES)
def test_no_error_and_no_request_to_the_outside(browser: Any, built: Path, name: str):
    browser.get_log("performance")
    look(browser, built / name)
    assert browser.get_log("browser") == []
    events = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    sent = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert sent
    assert [url for url in sent if not url.startswith(("file://", "data:,"))] == []


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 820, 1280])
def test_nothing_scrolls_sideways(browser: Any, built: Path, name: str, width: int):
    look(browser, built / name, width=width)
    widths = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert widths == [width, width]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious(browser: Any, built: Path, name: str, scheme: str, width: int):
    axe = pytest.importorskip("axe_core_python", reason="needs axe-core-python, from the test extra")
    look(browser, built / name, width=width, scheme=scheme)
    browser.execute_script((Path(axe.__file__).parent / "axe.min.js").read_text())
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")["violations"]
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in serious] == []


def test_theme_follows_the_system_until_the_reader_chooses(browser: Any, built: Path):
    look(browser, built / STUDY)
    light = background(browser)
    look(browser, built / STUDY, scheme="dark")
    dark = background(browser)
    assert light != dark
    browser.find_element("id", "_theme").click()
    assert background(browser) == light
    look(browser, built / "index.html", scheme="dark")
    assert background(browser) == light
    browser.execute_script("localStorage.clear()")
    look(browser, built / "index.html", scheme="dark")
    assert background(browser) == dark


def test_figures_take_the_colour_of_the_page(browser: Any, built: Path):
    script = "return getComputedStyle(document.querySelector('figure svg text')).fill"
    look(browser, built / STUDY)
    light = browser.execute_script(script)
    look(browser, built / STUDY, scheme="dark")
    assert browser.execute_script(script) != light
    assert browser.execute_script("return getComputedStyle(document.body).color") == browser.execute_script(
        script
    )


def test_tables_sort_by_number_and_say_so(browser: Any, built: Path):
    look(browser, built / STUDY)
    before = column(browser, 2)
    head = "document.querySelectorAll('#shift-towards-yes ~ .table-box')[0].querySelectorAll('th')[2]"
    for direction, backwards in (("ascending", False), ("descending", True)):
        browser.execute_script(f"{head}.querySelector('button').click()")
        assert browser.execute_script(f"return {head}.getAttribute('aria-sort')") == direction
        numbers = [float(cell.split()[0].replace("−", "-")) for cell in column(browser, 2)]
        assert numbers == sorted(numbers, reverse=backwards)
    assert sorted(column(browser, 2)) == sorted(before)


def test_the_first_tab_leads_past_the_navigation(browser: Any, built: Path):
    from selenium.webdriver.common.keys import Keys

    look(browser, built / STUDY)
    browser.find_element("tag name", "body").send_keys(Keys.TAB)
    focused = browser.switch_to.active_element
    assert focused.text == "Skip to the content"
    assert focused.rect["y"] >= 0
