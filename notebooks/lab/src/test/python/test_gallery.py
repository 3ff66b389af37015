"""The gallery: every picture drawn in a fresh kernel, and looked at in a browser, wide and narrow, light and dark."""

import os
import platform
import re
import shutil

import pytest

from chapters import Chapter, error_of, outputs_of, session
from project import NOTEBOOKS
from test_browser import BROWSERS, CONTRASTS, FLAGS

X86 = platform.machine() in {"x86_64", "AMD64"}
CAN_STEP = platform.system() == "Linux"
VEGA = "application/vnd.vegalite.v5+json"

# A picture by its cell, and what its text twin must say.
PICTURES = {
    "gallery-registers-now": [r"^callee-saved: ", r"  (rip|pc) +[0-9a-f]{16}  in registers_now \+ \d+$"],
    "gallery-registers-broken": [r"^\* (rbx|x19) +00000000feed[0-9a-f]{4}  -> f{16}  the number -1$"],
    "gallery-parts-write": [r"^(rax|x0) +63 to 0 +1{16} +0{8}2{8}$"],
    "gallery-stack-forged": [r"^--- high-water mark: \d+ bytes used ---$", r"paint, untouched$"],
    "gallery-stack-used": [r"before and after: \d+ words changed", r"^⋮ .* words, .* the same: paint, untouched$"],
    "gallery-step-swap": [r"recorded one instruction at a time: \d+ instructions on 2 stacks"],
    "gallery-time-switches": [r"^12 +reader +writer +waiting$"],
    "gallery-code-levels": [r"^-O0, .*\d$", r"^-O1, .*\d$"],
    "gallery-chart-costs": [r"^an OS thread, made and ended +[\d,]+ ns +#{40}$"],
}
if CAN_STEP and X86:
    PICTURES["gallery-step-swap"] += [
        r"^2 +swap\+0x3 +mov rsp,.* rsp jumps from the old stack to the new stack, top − 32\.$",
        r"^3 +swap\+0x6 +ret +takes rip from the new stack, top − 32: start of hello;",
        r"^4 +way_home +pop rsp +rsp jumps from the new stack to the old stack, entry\.$",
    ]


@pytest.fixture(scope="module")
def gallery():
    """The gallery's cells, run from top to bottom in a fresh kernel."""
    chapter = Chapter.read(NOTEBOOKS / "gallery.ipynb")
    with session(chapter) as kernel:
        return {cell.id: kernel.run(cell) for cell in chapter.code}


def html_of(cell):
    data = next(o.data for o in cell.outputs if o.output_type == "execute_result")
    return data.get("text/html") or data["text/markdown"]


def test_nothing_fails(gallery):
    assert not [f"{name}: {error_of(cell)}" for name, cell in gallery.items() if error_of(cell)]


@pytest.mark.parametrize("name", PICTURES)
def test_text_twin_says_what_the_picture_shows(gallery, name):
    text = outputs_of(gallery[name])
    assert not [p for p in PICTURES[name] if not re.search(p, text, re.MULTILINE)], text


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_a_figure_with_a_name(gallery, name):
    html = html_of(gallery[name])
    assert re.match(r'<figure class="green-threads" role="group" aria-label="[^"]{20,}"', html), html[:200]
    assert "<figcaption>" in html
    assert len(html) < 1_000_000
    assert not re.search(r"(src|href)=|https?:(?!//vega)", html), "a picture asks the network"


def test_every_picture_is_known(gallery):
    drawn = {name for name, cell in gallery.items() if any(o.output_type == "execute_result" for o in cell.outputs)}
    assert drawn == set(PICTURES)


def test_chart_is_also_vega_lite(gallery):
    data = next(o.data for o in gallery["gallery-chart-costs"].outputs if o.output_type == "execute_result")
    spec = data[VEGA]
    assert spec["encoding"]["x"]["scale"]["type"] == "log"
    assert len(spec["data"]["values"]) == 3
    assert "text/html" not in data, "JupyterLab would show it in place of the chart"


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it drives the browser")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed: no picture was seen in a browser")
    flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


JUPYTERLAB = 'data-jp-theme-light="true" style="margin:8px"'


def page_with(browser, html, body=JUPYTERLAB, **options):
    page = browser.new_context(**options).new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.set_content(f"<body {body}>{html}</body>")
    return page


@pytest.mark.parametrize("name", PICTURES)
def test_narrow_page_does_not_scroll_sideways(gallery, browser, name):
    page = page_with(browser, html_of(gallery[name]), viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not page.complaints
    page.context.close()


@pytest.mark.skipif(not CAN_STEP, reason="this system does not let one process step another")
def test_player_steps(gallery, browser):
    html = html_of(gallery["gallery-step-swap"])
    page = page_with(browser, html + html, viewport={"width": 1000, "height": 900})  # two on one page
    assert page.locator(".gt-stage:visible").count() == 2
    stage = page.locator(".gt-stage").first
    last = page.locator(".gt-player").first.locator(".gt-code li:not(.gt-gap)").count() - 1
    running, height = [], stage.bounding_box()["height"]
    stage.focus()
    for _ in range(last):
        running.append(stage.locator(".gt-running .gt-title b").inner_text())
        assert stage.locator(".gt-sp").count() == 1, "one arrow, and one only"
        page.keyboard.press("ArrowRight")
        assert stage.bounding_box()["height"] == height, "the picture jumps"
    assert running[0] == "old stack" and "new stack" in running
    assert stage.locator(".gt-count").inner_text() == f"{last + 1} / {last + 1}"
    assert page.locator(".gt-stage").last.locator(".gt-count").inner_text().startswith("1 / ")
    page.keyboard.press("Home")
    stage.locator("input[type=range]").fill("2")
    assert stage.locator(".gt-count").inner_text().startswith("3 / ")
    if X86:
        assert "→ rip: start of hello" in stage.locator(".gt-running").inner_text()
    assert not page.complaints
    page.context.close()


def test_steps_are_there_without_scripts(gallery, browser):
    page = page_with(browser, html_of(gallery["gallery-step-swap"]), java_script_enabled=False)
    assert page.locator(".gt-stage").is_hidden() if CAN_STEP else True
    assert page.locator("table").first.is_visible()
    page.context.close()


# VS Code's own renderer of HTML (its extension notebook-renderers): an output goes into a new element, and
# each of its scripts runs as a copy at the element's end that is taken away again. None of JupyterLab's
# colours is there; the body has a class for the kind of theme.
VS_CODE = """outputs => outputs.map(html => {
    const element = document.createElement('div');
    element.className = 'output';
    element.innerHTML = html;
    document.body.appendChild(element);
    for (const script of [...element.querySelectorAll('script')]) {
        const copy = document.createElement('script');
        copy.text = script.textContent;
        if (script.type) copy.type = script.type;
        element.appendChild(copy);
        copy.remove();
    }
})"""
VS_CODE_THEMES = {
    "vscode-light": ("#ffffff", "#3b3b3b"),
    "vscode-dark": ("#1f1f1f", "#cccccc"),
    "vscode-high-contrast": ("#000000", "#ffffff"),
    "vscode-high-contrast vscode-high-contrast-light": ("#ffffff", "#292929"),
}


@pytest.mark.parametrize("theme", VS_CODE_THEMES)
def test_pictures_live_where_vs_code_puts_them(gallery, browser, theme):
    background, colour = VS_CODE_THEMES[theme]
    body = f'class="{theme}" style="--vscode-notebook-editorBackground:{background};background:{background};color:{colour}"'
    page = page_with(browser, "", body, viewport={"width": 1000, "height": 900})
    pictures = [html for name in PICTURES if (html := html_of(gallery[name])).startswith("<figure")]
    page.evaluate(VS_CODE, pictures)
    assert page.locator("figure.green-threads:visible").count() == len(pictures) > 5
    contrasts = page.evaluate(CONTRASTS, ".output")
    assert len(contrasts) > 100, "nothing was measured"
    assert [c for c in contrasts if c["ratio"] < 3] == []
    if CAN_STEP:
        page.locator(".gt-stage").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator(".gt-count").inner_text().startswith("2 / ")
    assert not page.complaints
    page.context.close()
