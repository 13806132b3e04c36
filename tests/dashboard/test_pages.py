"""The pages in a real browser: they follow a live study, filter, and fetch nothing from outside."""

import os
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn

import homeostat as hs
from homeostat.dashboard.app import make_app

from .conftest import bowl

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
sync_api = pytest.importorskip("playwright.sync_api") if os.environ.get("CI") != "true" else None
if sync_api is None:
    from playwright import sync_api
if CHROMIUM is None and os.environ.get("CI") != "true":
    pytest.skip("Chromium is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def address(results):
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(make_app(results), log_level="error", timeout_graceful_shutdown=0)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    server.should_exit = server.force_exit = True
    thread.join(10)
    listening.close()


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()


@pytest.fixture
def page(browser, address):
    context = browser.new_context()
    opened = context.new_page()
    opened.set_default_timeout(120_000)  # a promise of what comes, not of when on a busy machine
    opened.wrong = []
    opened.on("console", lambda m: opened.wrong.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda error: opened.wrong.append(str(error)))
    opened.on(
        "request",
        lambda r: (
            None if r.url.startswith((address, "data:", "blob:")) else opened.wrong.append(r.url)
        ),
    )
    yield opened
    assert opened.wrong == []
    context.close()


def test_a_live_study_is_followed_without_a_reload(page, address, results):
    page.goto(address + "#/study/first")
    page.wait_for_selector("#figure-history .plotly")
    page.wait_for_selector("#live.on")
    assert page.inner_text(".card:has-text('trials') b") == "12"
    hs.search(bowl, 15, study="first", results=results, confirm=False)
    page.wait_for_selector(".card:has-text('trials') b:has-text('15')")


def test_a_change_that_comes_while_a_page_is_drawn_is_not_missed(page, address, results):
    hs.search(bowl, 2, study="drawn", results=results, confirm=False)

    def slow_section(route):
        hs.search(bowl, 4, study="drawn", results=results, confirm=False)
        time.sleep(2.5)  # longer than the server takes to see it and to tell
        route.continue_()

    page.route("**/sections/table", slow_section, times=1)
    page.goto(address + "#/study/drawn")
    page.wait_for_selector(".card:has-text('trials') b:has-text('4')")


def test_trials_are_filtered_and_sorted(page, address):
    page.goto(address + "#/study/first")
    page.wait_for_selector("#trial-table tbody tr")
    page.keyboard.press("/")
    page.keyboard.type("trial 0 ")
    page.wait_for_function("document.querySelectorAll('#trial-table tbody tr').length === 1")
    page.fill("input[type=search]", "")
    page.click("th button:has-text('val_loss')")
    page.wait_for_selector("th[aria-sort=ascending]:has-text('val_loss')")
    column = page.locator("#trial-table tbody tr td:nth-child(3)").all_inner_texts()
    values = [float(text) for text in column]
    assert len(values) > 5 and values == sorted(values)


def test_a_name_with_a_script_in_it_is_text(page, address):
    page.on("dialog", lambda dialog: page.wrong.append("a script ran"))
    page.goto(address + "#/study/first")
    page.wait_for_selector("td:has-text('<script>')")
    page.goto(address + "#/notes")
    page.wait_for_selector("pre:has-text('onerror')")


def test_two_runs_are_ticked_and_compared(page, address):
    page.goto(address + "#/runs")
    page.wait_for_selector("tbody input[type=checkbox]")
    for box in page.locator("tbody input[type=checkbox]").all()[:2]:
        box.check()
    page.click("button:has-text('Compare')")
    page.wait_for_selector("h2:has-text('Differences')")
    page.wait_for_selector("#figure-curves .plotly")


def test_a_runs_metric_can_be_chosen(page, address):
    page.goto(address + "#/runs")
    page.click("tbody a >> nth=0")
    page.wait_for_selector("#figure-curves .plotly")
    page.select_option("select", "size")
    page.wait_for_selector("#figure-curves .ytitle:has-text('size')")


def test_views_are_drawn_with_their_captions_and_another_seed_can_be_chosen(page, address):
    page.goto(address + "#/runs")
    page.click("tbody a >> nth=0")
    page.wait_for_selector("#view-way .plotly")
    page.wait_for_selector("#views h3:has-text('<b>The way down</b>')")
    page.wait_for_selector("#views [role=alert]:has-text('KeyError')")
    drawn = "JSON.stringify(document.querySelector('#view-way').data)"
    before, seed = page.evaluate(drawn), page.input_value("#views select")
    other = next(s for s in ("42", "123", "456") if s != seed)
    page.select_option("#views select", other)
    page.wait_for_function(f"document.querySelector('#view-way')?.data && {drawn} !== {before!r}")
    assert page.input_value("#views select") == other


def test_a_study_shows_the_views_of_its_best_trial(page, address):
    page.goto(address + "#/study/first")
    page.wait_for_selector("#looks h2:has-text('What the best looks like')")
    page.wait_for_selector("#figure-view-way .plotly")


def test_a_study_shows_what_to_look_at_before_the_next_round(page, address):
    page.goto(f"{address}#/study/first")
    page.locator("#next table tbody tr").first.wait_for()
    assert "Before the next round" in page.locator("#next").inner_text()
    assert "trials diverged" in page.locator("#next").inner_text()


def test_a_phone_shows_all_without_scrolling_the_page_sideways(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 800}, is_mobile=True)
    page = context.new_page()
    for place in ("#/", "#/runs", "#/study/first"):
        page.goto(address + place)
        page.wait_for_selector("tbody tr")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 391, place
    context.close()


def test_the_keyboard_reaches_every_page(page, address):
    page.goto(address)
    page.wait_for_selector("tbody tr")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Runs')")


def test_every_file_of_a_seed_and_its_log_can_be_opened(page, address):
    page.goto(address + "#/trial/first%2F3")
    page.wait_for_selector("h2:has-text('against the default')")
    page.wait_for_selector("td a:has-text('curves.csv')")
    page.click("summary:has-text('Log')")
    page.wait_for_selector("details pre:has-text('printed nothing')")


AXE = Path(__file__).parents[2] / ".node" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.skipif(
    not AXE.exists() and os.environ.get("CI") != "true",
    reason="axe-core is not installed:  npm install --prefix .node axe-core",
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_finds_nothing(browser, address, scheme):
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    page = context.new_page()
    for place, seen in (
        ("#/", "tbody tr"), ("#/study/first", "#figure-curves .plotly"), ("#/runs", "tbody tr"),
        ("#/trial/first%2F3", "#figure-curves .plotly"), ("#/workloads", "details"),
    ):  # fmt: skip
        page.goto(address + place)
        page.wait_for_selector(seen)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'best-practice']})")
        told = [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in found["violations"]]
        assert told == [], place
    context.close()
