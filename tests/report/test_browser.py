"""The site as a reader sees it, in a real browser and from `file://`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from ws_dsl.specs import kinds

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
STUDY = "studies/pressure-agreeing/index.html"
ROOT = Path(__file__).parents[2]
GUIDE = [f"guide/{path.stem}.html" for path in sorted((ROOT / "site" / "pages" / "guide").glob("*.md"))]
KINDS = [f"kinds/{name}.html" for name in kinds.names()]
PAGES = (
    "index.html",
    "design.html",
    "guide/index.html",
    *GUIDE,
    "kinds/index.html",
    "kinds/figure-kinds.html",
    *KINDS,
    STUDY,
)
TYPES = (
    "index.html",
    "guide/index.html",
    "guide/steps.html",
    "kinds/index.html",
    "kinds/clamp.html",
    "kinds/figure-kinds.html",
    STUDY,
)
"""One page of every layout."""


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


def serious(browser: Any) -> list[tuple[str, str]]:
    """What axe-core finds on the open page, with the first element of each."""
    axe = pytest.importorskip("axe_core_python", reason="needs axe-core-python, from the test extra")
    browser.execute_script((Path(axe.__file__).parent / "axe.min.js").read_text())
    violations = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")["violations"]
    kept = [rule for rule in violations if rule["impact"] in ("serious", "critical")]
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in kept]


def column(browser: Any, place: int) -> list[str]:
    script = "return [...document.querySelectorAll('#shift-towards-yes ~ .table-box')[0].querySelectorAll("
    return browser.execute_script(f"{script}'tbody tr')].map(row => row.cells[{place}].textContent)")


def test_no_error_and_no_request_to_the_outside(browser: Any, built: Path):
    for name in PAGES:
        browser.get_log("performance")
        look(browser, built / name)
        assert (name, browser.get_log("browser")) == (name, [])
        events = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
        sent = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
        assert sent
        assert [url for url in sent if not url.startswith(("file://", "data:"))] == []


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_nothing_scrolls_sideways(browser: Any, built: Path, width: int):
    for name in PAGES:
        look(browser, built / name, width=width)
        widths = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert (name, widths) == (name, [width, width])


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious(browser: Any, built: Path, name: str, scheme: str, width: int):
    look(browser, built / name, width=width, scheme=scheme)
    assert serious(browser) == []


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


def found(browser: Any) -> list[str]:
    """Addresses of the results, from the site's folder."""
    links = "[...document.querySelectorAll('dialog.search li a')].map(link => link.getAttribute('href'))"
    return browser.execute_script(f"return {links}")


def search(browser: Any, words: str) -> None:
    """Opens the search with its key and types."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.support.wait import WebDriverWait

    ActionChains(browser).send_keys("/").perform()
    WebDriverWait(browser, 30).until(lambda b: b.execute_script("return Boolean(window.wsDslIndex)"))
    ActionChains(browser).send_keys(words).perform()


def test_search_finds_studies_chapters_and_kinds_without_a_mouse(browser: Any, built: Path):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.wait import WebDriverWait

    look(browser, built / "guide" / "install.html")
    search(browser, "logit_diff")
    assert found(browser)[0] == "../kinds/logit_diff.html"
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    search(browser, "yes under pressure")
    assert f"../{STUDY}" in found(browser)
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    search(browser, "bootstrap interval")
    status = browser.find_element("css selector", "dialog.search [role=status]").text
    assert status.endswith("results")
    assert {mark.text.lower() for mark in browser.find_elements("css selector", "dialog.search mark")} == {
        "bootstrap",
        "interval",
    }
    second = found(browser)[1]
    ActionChains(browser).send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER).perform()
    there = (built / "guide" / second).resolve().as_uri().replace("%23", "#")
    WebDriverWait(browser, 30).until(lambda b: b.current_url == there)


def test_search_shows_text_and_runs_none(browser: Any, built: Path):
    look(browser, built / "index.html")
    search(browser, "(")
    browser.execute_script(
        "window.wsDslIndex.push(['x.html', 'Page', '<b>(</b>', '', '( <img src=x onerror=boom()>'])"
    )
    search_again = "document.querySelector('dialog.search input').dispatchEvent(new Event('input'))"
    browser.execute_script(search_again)
    assert browser.find_elements("css selector", "dialog.search :is(b, img)") == []
    assert any("<img" in item.text for item in browser.find_elements("css selector", "dialog.search li"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_search(browser: Any, built: Path, scheme: str):
    look(browser, built / "index.html", scheme=scheme)
    search(browser, "rows")
    assert found(browser)
    assert serious(browser) == []


def test_code_is_copied_with_its_lines(browser: Any, built: Path):
    look(browser, built / "guide" / "first-study.html")
    block = "document.querySelector('.code pre.yaml')"
    before = browser.execute_script(f"return {block}.textContent")
    assert before.startswith("ws: 1\nid: boss\n") and before.endswith("\n")
    button = browser.find_element("css selector", ".code:has(pre.yaml) button")
    assert button.text == "Copy"
    browser.execute_script("arguments[0].click()", button)
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser, 30).until(lambda _: button.text in ("Copied", "Selected"))


def test_every_section_can_be_linked_to(browser: Any, built: Path):
    look(browser, built / "guide" / "steps.html")
    pair = "[heading.id, heading.querySelector('a').getAttribute('href')]"
    script = f"return [...document.querySelectorAll('main h2')].map(heading => {pair})"
    anchors = browser.execute_script(script)
    assert anchors
    assert all(href == f"#{name}" for name, href in anchors)


def test_print_leaves_the_navigation_out(browser: Any, built: Path):
    look(browser, built / "guide" / "steps.html", scheme="dark")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    for part, shown in (("header.site", False), (".contents", False), (".turn", False), ("main", True)):
        assert browser.find_element("css selector", part).is_displayed() == shown
    assert background(browser) == "rgb(255, 255, 255)"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
