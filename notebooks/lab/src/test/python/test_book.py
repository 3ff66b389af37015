"""The site that build.sh book makes: its pages, its links, what a browser shows of it, and what stops it."""

import html
import posixpath
import re
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml

from project import BUILD, LAB, NATIVE, NOTEBOOKS, ROOT, run
from test_gallery import browser  # noqa: F401 (a fixture)

sys.path.insert(0, str(LAB / "book"))
import links  # noqa: E402

SECONDS = 120  # about as long as it takes

# Between them they have steps, a stack to click into, a chart, C in cells, exercises and errors.
EXECUTED = ("03-a-single-stack-swap", "04-the-stack")
CHAPTERS = [path.stem for path in sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))]

pytestmark = [pytest.mark.xdist_group("test_book"), pytest.mark.timeout(600)]


def group(item):
    return "test_book"


def build_book(*words, **environment):
    import os

    known = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return run([ROOT / "build.sh", "book", *words], env=known | environment, timeout=500)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site with two chapters executed, in a folder whose name has a space and an accent."""
    folder = tmp_path_factory.mktemp("site") / "le café"
    numbers = [stem[:2] for stem in EXECUTED]
    status, said = build_book("--into", folder, *numbers, GITHUB_REPOSITORY="a-reader/green-threads", GITHUB_SHA="abc123")
    assert status == 0, said
    return folder


def page(site, name):
    return (site / f"{name}.html").read_text(encoding="utf-8")


def article(site, name):
    """A page's own part, without what stands around it on every page."""
    return re.search(r"<article.*?</article>", page(site, name), re.DOTALL)[0]


def words_of(markup):
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).replace("’", "'")


# ---------------------------------------------------------------- pages


def test_every_chapter_native_file_and_word_has_its_page(site):
    front = page(site, "index")
    for stem in [*CHAPTERS, "gallery", "words", "native/index", "genindex"]:
        assert f'href="{stem}.html"' in front, f"the front page does not lead to {stem}"
        assert (site / f"{stem}.html").exists()
    for path in NATIVE.rglob("*.[ch]"):
        if ".ipynb_checkpoints" in path.parts:
            continue
        name = path.relative_to(ROOT).as_posix()
        shown = words_of(article(site, name.replace(".", "-")))
        last = path.read_text(encoding="utf-8").rstrip().splitlines()[-1]
        assert last in shown, f"{name} is not shown to its end"


def test_chapters_lead_back_and_on(site):
    for before, after in zip(CHAPTERS, CHAPTERS[1:]):
        assert re.search(rf'class="right-next"\s+href="{after}\.html"', page(site, before)), before
        assert re.search(rf'class="left-prev"\s+href="{before}\.html"', page(site, after)), after


def test_pages_say_where_they_ran_and_lead_to_the_notebook_and_to_binder(site):
    for stem in CHAPTERS:
        text = page(site, stem)
        about = re.search(r'<div class="gt-about.*?</div>', text, re.DOTALL)[0]
        if stem in EXECUTED:
            assert re.search(r"Executed on (Linux|Mac).*, (x86-64|AArch64).*, \d+ processors?, JDK \d+", words_of(about)), about
        else:
            assert "without running" in words_of(about)
        binder = f"https://mybinder.org/v2/gh/a-reader/green-threads/abc123?urlpath=lab/tree/notebooks/{stem}.ipynb"
        assert f'href="{html.escape(binder)}"' in about
        notebook = re.search(rf'href="([^"]*/{stem}\.ipynb)"', about)[1]
        assert (site / notebook).read_bytes() == (NOTEBOOKS / f"{stem}.ipynb").read_bytes()


def test_executed_chapters_have_their_outputs_and_others_none(site):
    for stem in CHAPTERS:
        assert ('class="cell_output' in page(site, stem)) == (stem in EXECUTED), stem


def test_cells_are_coloured_as_what_they_are(site):
    text = page(site, EXECUTED[0])
    cells = re.findall(r'<div class="highlight-java notranslate">(.*?)</pre>', text, re.DOTALL)
    in_c = [cell for cell in cells if words_of(cell).strip().startswith("%%c")]
    in_java = [cell for cell in cells if words_of(cell).strip().startswith("interface ")]
    assert in_c and in_java
    # A type and a word that C has and Java has not; a class that Java has and C has not.
    assert any('<span class="kt">uint64_t</span>' in cell for cell in in_c)
    assert all('<span class="kd">interface</span>' in cell for cell in in_java)
    assert not any('<span class="kd">' in cell for cell in in_c), "C was taken for Java"


def test_charts_are_pictures_with_their_numbers_as_text(site):
    figures = re.findall(r'<figure class="green-threads gt-chart".*?</figure>', page(site, EXECUTED[1]), re.DOTALL)
    assert len(figures) == 1
    assert re.search(r'<svg[^>]*role="img" aria-label="How much stack each function used"', figures[0])
    text = words_of(re.search(r"<pre.*</pre>", figures[0], re.DOTALL)[0])
    assert re.search(r"format_float +[\d,]+ bytes$", text, re.MULTILINE), text
    assert "vegalite" not in page(site, EXECUTED[1])


def test_diagrams_are_drawn(site):
    text = page(site, "06-threads-and-a-scheduler")
    (figure,) = re.findall(r'<figure class="green-threads gt-diagram".*?</figure>', text, re.DOTALL)
    assert "AVAILABLE" in re.search(r"<svg.*</svg>", figure, re.DOTALL)[0]
    assert "RUNNING --> READY" in words_of(figure) and "```mermaid" not in text


def test_hints_and_solutions_are_folded(site):
    for stem in CHAPTERS:
        cells = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells
        folded = re.findall(r"<summary>(Hint \d+|Solution)</summary>", page(site, stem))
        written = [w for c in cells if c.cell_type == "markdown" for w in re.findall(r"<summary>(Hint \d+|Solution)</summary>", c.source)]
        assert folded == written and written
        solutions = re.findall(r"<summary>Solution</summary>(.*?)</details>", page(site, stem), re.DOTALL)
        assert all("highlight-" in solution for solution in solutions), f"{stem}: a solution has no code"


def test_listings_lead_to_their_lines(site):
    found = re.findall(r'<a href="(native/[\w./-]+\.html)#line-(\d+)"><code>(native/[\w./-]+), line', page(site, EXECUTED[0]))
    assert found
    for place, line, name in found:
        text = (site / place).read_text(encoding="utf-8")
        shown = words_of(re.search(rf'<a id="line-{line}".*?(?=<a id="line-|</pre>)', text, re.DOTALL)[0])
        written = (ROOT / name).read_text(encoding="utf-8").splitlines()[int(line) - 1]
        assert written in shown, f"{name}:{line}: {shown!r}"


@pytest.mark.usefixtures("site")  # by then what makes a site is installed
def test_parts_of_a_java_file_are_quoted_without_a_link():
    """In JupyterLab the title opens the file; it has no page here."""
    shown = "[`second in JavaFrames.java`](../notebooks/JavaFrames.java)\n\n```java\nlong second();\n```"
    program = f"""
import sys
sys.path[:0] = {[str(LAB / "book"), str(BUILD / "book-packages")]!r}
import pages
from pathlib import Path
print(pages.linked({shown!r}, pages.Site(Path({str(ROOT)!r}))))
"""
    status, said = run([sys.executable, "-I", "-B", "-c", program])
    assert status == 0 and said.startswith("`second in JavaFrames.java`\n\n```java"), said


def test_words_and_index(site):
    cells = nbformat.read(NOTEBOOKS / "00-start-here.ipynb", as_version=4).cells
    rows = re.findall(r"^\| ([^|]+) \|.*\|$", next(c.source for c in cells if c.id == "glossary"), re.MULTILINE)
    terms = [words_of(t).replace("`", "") for t in rows if t not in ("here", "---")]
    shown = [words_of(t).strip().rstrip("#") for t in re.findall(r"<dt id=.*?</dt>", page(site, "words"), re.DOTALL)]
    assert shown == terms
    index = words_of(article(site, "genindex"))
    assert [t for t in terms if t not in index] == []
    # Words that chapters explain, under the chapter that does.
    for term, chapter in (("red zone", "02 Registers"), ("high-water mark", "04 The stack"), ("trampoline", "05 There")):
        assert re.search(rf"{term}\s+{chapter}", index), term
    for other in ("Predict", "You will build", "Change one thing"):
        assert other.lower() not in index.lower()


# ---------------------------------------------------------------- links


def small_site(folder, body):
    (folder / "native").mkdir()
    (folder / "native" / "a.html").write_text('<a href="../index.html#here">up</a><a id="line-3"></a>')
    (folder / "index.html").write_text(f'<h1 id="here">x</h1>{body}')
    return links.faults(folder)


def test_good_links_are_good(tmp_path):
    assert small_site(tmp_path, '<a href="native/a.html#line-3">x</a><a href="#here">y</a><a href="https://mybinder.org/c">z</a>') == []


@pytest.mark.parametrize(
    "body, fault",
    [
        ('<a href="native/b.html">x</a>', "a file that is not there"),
        ('<a href="native/a.html#line-4">x</a>', "a place that native/a.html does not have"),
        ('<a href="#nowhere">x</a>', "a place that index.html does not have"),
        ('<img src="a.png">', "a file that is not there"),
        ('<a href="../secret.html">x</a>', "out of the site"),
        ('<script src="//cdn.example/x.js"></script>', "lies elsewhere"),
        ('<link rel="stylesheet" href="//cdn.example/x.css">', "lies elsewhere"),
    ],
)
def test_bad_links_are_found(tmp_path, body, fault):
    (found,) = small_site(tmp_path, body)
    assert found.startswith("index.html: ") and fault in found


@pytest.mark.parametrize("text, faulty", [("<p>a &amp; b<br/></p>", False), ("<p>a<br></p>", True), ("<p hidden>a</p>", True)])
def test_pages_of_an_epub_that_are_no_xml_are_found(tmp_path, text, faulty):
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as book:
        book.writestr("a.xhtml", text)
    assert [f"a.xhtml is no XML" in fault for fault in links.faults_of_epub(tmp_path / "a.epub")] == [True] * faulty


def test_the_epub_has_all_pages_and_nothing_that_a_reader_of_epubs_refuses(site):
    assert 'href="green-threads.epub"' in page(site, "index")
    with zipfile.ZipFile(site / "green-threads.epub") as book:
        assert book.namelist()[0] == "mimetype" and book.read("mimetype") == b"application/epub+zip"
        pages = {name: book.read(name).decode() for name in book.namelist() if name.endswith(".xhtml")}
        styles = {name for name in book.namelist() if name.endswith(".css")}
    assert {f"{stem}.xhtml" for stem in [*CHAPTERS, "gallery", "words", "native/index"]} <= pages.keys()
    whole = "".join(pages.values())
    assert re.findall(r"<(?:script|button|input|iframe)\b| on\w+=", whole) == []
    assert "green-threads.epub" not in whole, "it leads to itself"
    linked = {posixpath.normpath(posixpath.join(posixpath.dirname(name), sheet)) for name, text in pages.items()
              for sheet in re.findall(r'<link[^>]*href="([^"]+\.css)"', text)}
    assert linked and linked <= styles
    to_pages = {posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) for name, text in pages.items()
                for path in re.findall(r'<a [^>]*href="([^":#]+)["#]', text)}
    assert len(to_pages) > 20 and to_pages <= pages.keys()
    # All steps of a figure stand there, one below the other, and what a chapter printed.
    chapter = pages["03-a-single-stack-swap.xhtml"]
    assert "I LOVE WAKING UP ON A NEW STACK!" in words_of(chapter)
    assert re.search(r'class="gt-steps".*<td>1</td>.*<td>2</td>.*<td>3</td>.*<td>4</td>', chapter, re.DOTALL)


def test_the_site_is_checked(site):
    """The check that the build makes holds here too, and sees what is taken away."""
    assert links.faults(site) == []
    lost = site / "native" / "arch" / "arch-h.html"
    text = lost.read_text(encoding="utf-8")
    lost.unlink()
    try:
        assert any("arch-h.html" in fault for fault in links.faults(site))
    finally:
        lost.write_text(text, encoding="utf-8")


# ---------------------------------------------------------------- what stops it


def notebook_of(folder, name, *sources, tags=()):
    cells = [nbformat.v4.new_markdown_cell("# A chapter", id="t")]
    cells += [nbformat.v4.new_code_cell(s, id=f"c{i}", metadata={"tags": list(tags)}) for i, s in enumerate(sources)]
    kernel = {"kernelspec": {"name": "java", "display_name": "Java", "language": "java"}}
    path = folder / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


LOAD = f"%load {LAB}/start.jshell"


@pytest.mark.parametrize(
    "sources, tags, said",
    [
        (['throw new RuntimeException("on purpose");', "1 + 1"], (), "on purpose"),
        (["int missing = unknown;"], (), "unknown"),
        (["1 + 1"], ("raises-exception",), "did not fail"),
    ],
)
def test_a_chapter_that_fails_makes_no_site(tmp_path, sources, tags, said):
    notebook_of(tmp_path / "notebooks", "00-a", *sources, tags=tags)
    notebook_of(tmp_path / "notebooks", "gallery", LOAD)
    old = tmp_path / "book" / "index.html"
    old.parent.mkdir()
    old.write_text("the old site")
    words = ["--root", tmp_path, "--build", tmp_path, "--packages", BUILD / "book-packages", "00"]
    status, output = run([sys.executable, "-I", "-B", LAB / "book", *words], timeout=120)
    assert status == 1 and said in output and "no site was made" in output, output
    assert old.read_text() == "the old site"


def test_an_unknown_chapter_is_refused():
    status, said = build_book("98")
    assert status != 0 and "There is no chapter 98" in said


@pytest.mark.parametrize("words", [["three"], ["--into"], ["--out", "x"]])
def test_wrong_words(words):
    status, said = build_book(*words)
    assert status == 2 and "usage:" in said


# ---------------------------------------------------------------- in a browser, from the file system


SCREENS = (390, 768, 1440)


@pytest.fixture
def tab(browser):  # noqa: F811
    """A browser's page without a network, which collects what goes wrong in it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce", offline=True)
    tab = context.new_page()
    tab.faults = []
    tab.on("pageerror", lambda error: tab.faults.append(str(error)))
    tab.on("requestfailed", lambda request: tab.faults.append(f"could not fetch {request.url}"))
    tab.on("request", lambda request: request.url.startswith(("file:", "data:")) or tab.faults.append(f"wanted {request.url}"))
    yield tab
    context.close()


def address(site, name):
    return (site / f"{name}.html").as_uri()


def names_of(site):
    found = [p.relative_to(site).with_suffix("").as_posix() for p in sorted(site.rglob("*.html"))]
    return [name for name in found if not name.startswith("_static/")]


def test_no_page_is_wider_than_its_screen(site, tab):
    """Code and pictures scroll in boxes of their own; and nothing is fetched, and no script fails."""
    wide = []
    # The native files' pages differ in their text only: those of the machines are left out.
    names = [name for name in names_of(site) if not re.match("native/arch/.*/", name)]
    assert len(names) > 2 * len(CHAPTERS)
    for name in names:
        tab.goto(address(site, name))
        for width in SCREENS:
            tab.set_viewport_size({"width": width, "height": 900})
            over = tab.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if over > 0:
                wide.append(f"{name}: {over} pixels too wide for {width}")
    assert wide == []
    assert tab.faults == []


def test_lines_are_not_too_long_to_read(site, tab):
    tab.goto(address(site, EXECUTED[0]))
    widths = tab.evaluate("""() => [...document.querySelectorAll('.bd-article section > p')].map(p =>
        p.getBoundingClientRect().width / parseFloat(getComputedStyle(p).fontSize))""")
    assert len(widths) > 20 and max(widths) <= 44, "in letters of the width of an m"


def test_search_works_from_the_file_system(site, tab):
    tab.goto(address(site, "search") + "?q=trampoline")
    tab.wait_for_selector("#search-results li a")
    found = tab.locator("#search-results li a").evaluate_all("all => all.map(a => a.textContent)")
    assert any(text.startswith("05 There and back") for text in found), found
    tab.locator("#search-results li a", has_text="05 There and back").first.click()
    assert tab.locator("h1").first.inner_text().startswith("05 There and back")


def test_figures_are_alive(site, tab):
    tab.goto(address(site, EXECUTED[1]))
    word = tab.locator(".gt-stack td.gt-cell summary").first
    assert not word.locator("xpath=..").evaluate("e => e.open")
    word.focus()
    tab.keyboard.press("Enter")
    assert word.locator("xpath=..").evaluate("e => e.open"), "a word's bytes do not unfold by the keyboard"
    tab.goto(address(site, EXECUTED[0]))
    stage = tab.locator(".gt-stage")
    if not stage.count():
        assert "Lab.step" in words_of(page(site, EXECUTED[0]))
        pytest.skip("this machine cannot step its own code: no player to try")
    assert stage.first.locator(".gt-count").inner_text().startswith("1 / ")
    stage.first.focus()
    tab.keyboard.press("ArrowRight")
    assert stage.first.locator(".gt-count").inner_text().startswith("2 / ")
    assert tab.faults == []


def test_dark_follows_the_reader(site, browser):  # noqa: F811
    seen = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, offline=True)
        tab = context.new_page()
        tab.goto(address(site, EXECUTED[1]))
        seen[scheme] = tab.evaluate("""() => [getComputedStyle(document.body).backgroundColor,
            getComputedStyle(document.querySelector('.gt-chart svg text')).fill,
            getComputedStyle(document.querySelector('.gt')).getPropertyValue('--gt-marked').trim()]""")
        context.close()
    assert all(light != dark for light, dark in zip(seen["light"], seen["dark"])), seen


LOOKED_AT = [("index", "light"), (EXECUTED[0], "light"), (EXECUTED[1], "dark"), ("words", "dark"), ("genindex", "light"),
             ("native/03-a-single-stack-swap-c", "dark"), ("search", "light")]


@pytest.mark.parametrize("name, scheme", LOOKED_AT)
def test_accessible(site, browser, name, scheme):  # noqa: F811
    """No finding of axe that is serious or worse."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    tab = context.new_page()
    tab.goto(address(site, name))
    found = Axe().run(tab).response
    context.close()
    assert len(found["passes"]) > 10, "axe has looked at nothing"
    bad = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert [(v["id"], v["nodes"][0]["html"][:200], v["nodes"][0].get("failureSummary", "")[:200]) for v in bad] == []


# ---------------------------------------------------------------- on paper


def on_paper(tab, site, name):
    tab.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
    tab.goto(address(site, name))
    tab.emulate_media(media="print")


@pytest.mark.parametrize("name", [*EXECUTED, "native/07-the-runtime-in-200-lines-c"])
def test_on_paper_nothing_is_cut(site, tab, name):
    on_paper(tab, site, name)
    wide = tab.evaluate("""() => [...document.querySelectorAll('article pre, .gt-rows, .gt-code, .gt-stackscroll, .gt-listing')]
        .filter(e => e.checkVisibility() && (getComputedStyle(e).overflowX !== 'visible'
            && e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 30 && e.clientHeight))
        .map(e => e.className + ': ' + e.textContent.slice(0, 60))""")
    assert not wide, wide
    right = tab.evaluate("() => Math.max(...[...document.querySelectorAll('article pre')].map(e => e.getBoundingClientRect().right))")
    assert 300 < right <= 718
    around = tab.evaluate("""() => [...document.querySelectorAll('.bd-sidebar-primary, .bd-sidebar-secondary, .prev-next-footer')]
        .filter(e => e.checkVisibility()).map(e => e.className)""")
    assert not around, "what is for the screen only is printed"


@pytest.mark.parametrize("name", EXECUTED)
def test_on_paper_figures_stay_whole(site, tab, name, tmp_path):
    tab.goto(address(site, name))
    figures = tab.evaluate("""() => {
        const figures = [...document.querySelectorAll('figure.green-threads')];
        figures.forEach((figure, i) => {
            figure.insertAdjacentHTML('afterbegin', `<small>begin${i}.</small>`);
            figure.insertAdjacentHTML('beforeend', `<small>end${i}.</small>`);
        });
        return figures.length;
    }""")
    tab.set_viewport_size({"width": 718, "height": 1000})
    tab.emulate_media(media="print")
    tall = tab.evaluate("""() => [...document.querySelectorAll('figure.green-threads')]
        .map(e => e.getBoundingClientRect().height > 900)""")  # more than a page has
    avoid = tab.evaluate("""() => [...document.querySelectorAll('figure.green-threads')]
        .map(e => getComputedStyle(e).breakInside)""")
    assert set(avoid) == {"avoid"} and figures > 5
    tab.pdf(path=tmp_path / "chapter.pdf", format="A4")
    if not shutil.which("pdftotext"):
        return  # what was asked for is held; whether the browser does it is seen where poppler is
    _, text = run(["pdftotext", "-layout", tmp_path / "chapter.pdf", "-"])
    pages = text.split("\f")
    where = [[n for n, page in enumerate(pages) if f"{mark}{i}." in page] for i in range(figures) for mark in ("begin", "end")]
    assert all(len(found) == 1 for found in where), where
    broken = [i for i in range(figures) if where[2 * i] != where[2 * i + 1] and not tall[i]]
    assert not broken, f"{broken} of {figures} figures go over a page's end"


# ---------------------------------------------------------------- what publishes it


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_there_is_a_workflow_for_the_tests_and_one_for_the_site():
    assert [path.stem for path in WORKFLOWS] == ["book", "test"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_pin_their_actions_and_know_no_secret(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in used), used
    assert "secrets" not in text.replace("no secret", "")
    commands = [step["run"] for step in steps if "run" in step]
    known = {"test": [".ci/run"], "book": ["./build.sh book --into site"]}
    assert commands == known[path.stem]
    for command in commands:
        assert (ROOT / command.split()[0]).exists()
