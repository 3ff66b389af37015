"""The figures in a real JupyterLab on a laptop's screen: seen whole, operated by keys, legible in both themes."""

import re

import pytest

import expected
from chapters import Chapter, chapter_paths
from project import BUILD, NOTEBOOKS
from test_browser import BOOK, CONTRASTS, choose, open_page, run_cell, server  # noqa: F401 (a fixture)

SECONDS = 60  # about as long as it takes

# What lies above each figure that is looked at, and the figure itself.
CELLS = {path.stem: cells for path in chapter_paths() if (cells := expected.of(path.stem).SMALL_SCREEN)}
SCREEN = {"width": 1366, "height": 768}

pytestmark = pytest.mark.xdist_group("test_small_screen")


def group(item):
    return "test_small_screen"


def up_to_figure(chapter):
    """The cells that a stepped figure needs: all code above it that is no experiment, and itself."""
    found = []
    for c in chapter.code:
        found.append(c.id)
        if re.search(r"^Lab\.step\(", c.source, re.MULTILINE):
            return found
    raise AssertionError(f"{chapter.stem} steps nothing")


@pytest.fixture(scope="module", params=CELLS)
def book(request, server):
    """A chapter opened on a small screen with the file browser open, run as far as its stepped figure."""
    path = NOTEBOOKS / f"{request.param}.ipynb"
    chapter = Chapter.read(path)
    with open_page(server, path, SCREEN) as page:
        names = CELLS[request.param]
        if names is expected.ALL_ABOVE:
            names = up_to_figure(chapter)
        for name in names:
            run_cell(page, chapter, name)
        yield page, chapter, names[-1]


def cell(page, chapter, name):
    return page.locator(".jp-Notebook .jp-Cell").nth([c.id for c in chapter.cells].index(name))


def narrow(page, pixels):
    """Makes the notebook so wide, as with the file browser drawn wider."""
    page.evaluate("""pixels => document.querySelector('.jp-WindowedPanel-outer').style.maxWidth =
        pixels + 'px'""", pixels)
    page.wait_for_timeout(200)


BOXES = """figure => {
    const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
    const seen = s => [...figure.querySelectorAll(s)].filter(e => e.getClientRects().length && e.checkVisibility());
    const scroller = document.querySelector('.jp-WindowedPanel-outer');
    return {
        figure: box(figure), room: [scroller.clientWidth, scroller.clientHeight],
        parts: ['.gt-code', '.gt-says', '.gt-near', '.gt-far > summary', '.gt-all > summary', '.gt-stackbox']
            .flatMap(s => seen(s).map(e => [s, ...box(e)])),
        stacks: seen('.gt-stackbox').map(box),
        arrow: seen('.gt-sp').map(box)[0] ?? null,
        rows: seen('.gt-running .gt-rows').map(box)[0] ?? null,
        cards: seen('.gt-stage > .gt-near .gt-card').length,
        cut: seen('.gt-src, .gt-place, .gt-label, .gt-file').filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth)
            .map(e => e.textContent),
        wide: seen('*').filter(e => box(e)[2] > box(figure)[2] + 1 && !e.closest('.gt-says, .gt-code')).map(e => e.className),
        list: seen('.gt-code').map(e => e.scrollWidth - e.clientWidth)[0],
        count: figure.querySelector('.gt-count')?.textContent,
        overflow: scroller.scrollWidth - scroller.clientWidth,
    };
}"""


@pytest.mark.parametrize("width", [914, 700])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_stepped_figure_is_seen_whole(book, theme, width):
    page, chapter, name = book
    choose(page, "Settings", "Theme", f"JupyterLab {theme}")
    page.wait_for_function(f"() => document.body.dataset.jpThemeName === 'JupyterLab {theme}'")
    narrow(page, width)
    figure = cell(page, chapter, name).locator("figure.green-threads").last
    stage = figure.locator(".gt-stage")
    stage.focus()
    page.keyboard.press("Home")
    steps = int(stage.locator(".gt-count").inner_text().split("/")[1])
    folder = BUILD / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    heights = set()
    for i in range(steps):
        seen = figure.evaluate(BOXES)
        left, top, right, bottom = seen["figure"]
        assert seen["count"] == f"{i + 1} / {steps}"
        assert seen["room"][0] <= width and seen["room"][1] <= 647, f"not the screen that was meant: {seen['room']}"
        assert bottom - top <= seen["room"][1], f"step {i + 1}: {bottom - top} px high"
        assert right - left <= width, "wider than the notebook"
        assert seen["overflow"] <= 0 and not seen["wide"] and seen["list"] <= 0, "something sticks out sideways"
        assert not seen["cut"], f"cut off: {seen['cut']}"
        for part, l, t, r, b in seen["parts"]:
            assert l >= left - 1 and r <= right + 1 and t >= top - 1 and b <= bottom + 1, f"{part} is outside"
        assert len(seen["stacks"]) == 2 and abs(seen["stacks"][0][1] - seen["stacks"][1][1]) < 2, "not side by side"
        arrow, rows = seen["arrow"], seen["rows"]
        assert arrow and rows[1] - 1 <= arrow[1] and arrow[3] <= rows[3] + 1, f"step {i + 1}: where does sp stand?"
        assert seen["cards"] >= 2
        heights.add(round(bottom - top))
        if i == min(9, steps - 2):
            figure.scroll_into_view_if_needed()
            page.screenshot(path=folder / f"{chapter.stem[:2]}-{name}-{width}-{theme.lower()}.png")
        page.keyboard.press("ArrowRight")
    assert len(heights) == 1, f"the picture jumps: {heights}"


def test_all_registers_are_one_click_away(book):
    page, chapter, name = book
    narrow(page, 914)
    figure = cell(page, chapter, name).locator("figure.green-threads").last
    fold = figure.locator(".gt-far")
    shown = figure.locator(".gt-near .gt-card:visible").count()
    fold.locator("summary").click()
    assert figure.locator(".gt-near .gt-card:visible").count() > shown
    fold.locator("summary").click()
    assert figure.locator(".gt-near .gt-card:visible").count() == shown


def test_keys_typed_into_a_figure_stay_there(book):
    page, chapter, name = book
    cells = page.locator(".jp-Notebook .jp-Cell")
    before = cells.count()
    figure = cell(page, chapter, name).locator("figure.green-threads").last
    places = [figure.locator(".gt-stage"), figure.locator(".gt-all > summary"), figure.locator(".gt-slider")]
    if chapter.stem.startswith("03"):
        places.append(cell(page, chapter, "forge-show").locator("td.gt-cell summary").first)
    for place in places:
        place.focus()
        for key in ["d", "d", "x", "a", "b", "m", "z", "1"]:
            page.keyboard.press(key)
        page.wait_for_timeout(100)
        assert cells.count() == before, "a key reached the notebook"
        assert place.evaluate("e => e === document.activeElement"), "the focus has left"
    figure.locator(".gt-stage").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('.gt-stage') !== null"), "Tab goes on to the buttons"
    page.keyboard.press("Escape")
    assert page.evaluate("() => document.activeElement.matches('.jp-Cell')"), "Escape gives the keys back"
    # The control: out there the same keys do delete.
    page.keyboard.press("d")
    page.keyboard.press("d")
    page.wait_for_function(f"() => document.querySelectorAll('.jp-Notebook .jp-Cell').length === {before - 1}")
    page.keyboard.press("z")
    page.wait_for_function(f"() => document.querySelectorAll('.jp-Notebook .jp-Cell').length === {before}")


@pytest.mark.parametrize("book", [stem for stem in CELLS if stem.startswith("03")], indirect=True)
def test_listings_and_differences_fit(book):
    page, chapter, name = book
    narrow(page, 914)
    for which in ("swap-source", "swap-traces"):
        output = cell(page, chapter, which).locator(".jp-Cell-outputArea")
        assert output.bounding_box()["height"] <= 600, which


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_figures_and_comments_are_legible(book, theme):
    page, chapter, name = book
    choose(page, "Settings", "Theme", f"JupyterLab {theme}")
    page.wait_for_function(f"() => document.body.dataset.jpThemeName === 'JupyterLab {theme}'")
    page.wait_for_timeout(300)
    figure = [c for c in page.evaluate(CONTRASTS) if c["ratio"] < 4.5 and c["text"].strip("●→▶ 0")]
    assert not figure, f"hard to read: {figure[:8]}"
    comments = page.evaluate(COMMENTS, ".jp-Notebook .cm-content, .jp-Notebook pre code")
    assert len(comments) > 3, "no comment was seen"
    poor = [c for c in comments if c["ratio"] < 4.5]
    assert not poor, f"comments that are hard to read: {poor[:5]}"


# Comments, in cells and in listings, by what is in them.
COMMENTS = CONTRASTS.replace(
    "if (element.closest('style, pre code')) continue;  // JupyterLab's own colours for code",
    "if (!/^\\s*(\\/[*\\/]|\\* )/.test(node.data)) continue;",
)
