"""A real JupyterLab, opened in a real browser: chapter 03, as a newcomer runs it."""

import json
import os
import pty
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from chapters import Chapter, tags
from processes import children_of
from project import BUILD, NATIVE, NOTEBOOKS, ROOT

SECONDS = 60  # about as long as it takes

LINE = "I LOVE WAKING UP ON A NEW STACK!"
pytestmark = pytest.mark.chapter("03")

BOOK = NOTEBOOKS / "03-a-single-stack-swap.ipynb"
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# What JupyterLab's own debugger says at each cell of a kernel that it cannot debug.
HARMLESS = {"No active debugger session"}

# For the test only: nothing is saved by itself, and all cells are in the page, not only those in view.
SETTINGS = {
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def started(words, environment, folder, port):
    """A JupyterLab on the project, ended with all that it started; its settings and its log are in the folder."""
    for name, settings in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    token = secrets.token_hex(16)
    environment = {**environment, "JUPYTER_TOKEN": token, "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    environment.pop("PYTHONPATH", None)  # what only the tests need
    # What JupyterLab makes beside each file that it opens.
    checkpoints = [folder for folder in (NOTEBOOKS / ".ipynb_checkpoints", NATIVE / ".ipynb_checkpoints") if not folder.exists()]
    before = BOOK.read_bytes()
    log = open(folder / "log.txt", "w+", encoding="utf-8")
    process = subprocess.Popen(
        words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=ROOT
    )

    def said():
        return (folder / "log.txt").read_text(encoding="utf-8", errors="replace")

    try:
        begun = time.monotonic()
        while not answers(f"http://127.0.0.1:{port}/api"):
            assert process.poll() is None, f"the server ended:\n{said()}"
            assert time.monotonic() - begun < 180, f"no answer from the server:\n{said()}"
            time.sleep(0.1)
        yield {"url": f"http://127.0.0.1:{port}", "token": token, "said": said, "seconds": time.monotonic() - begun}
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        log.close()
        for made in checkpoints:
            shutil.rmtree(made, ignore_errors=True)
    assert BOOK.read_bytes() == before, "the notebook in the checkout was changed"


def jupyterlab(python, port):
    """The words that start the JupyterLab of a Python, as nobody but the project's own script would set it up."""
    words = [str(python), "-m", "jupyterlab", "--no-browser", f"--ServerApp.port={port}"]
    return words + [f"--ServerApp.root_dir={ROOT}", "--ServerApp.ip=127.0.0.1", "--allow-root"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab on the project, started as the reader starts it."""
    port = free_port()
    if (BUILD / "stamps" / "library").exists():
        words = [str(ROOT / "build.sh"), "--no-browser", "--port", str(port)]
    else:
        words = jupyterlab(sys.executable, port)  # not set up by build.sh: this Python's own
    with started(words, os.environ, tmp_path_factory.mktemp("lab"), port) as server:
        yield server


@contextmanager
def open_page(server, book, screen):
    """A chapter, open in a browser; with everything the page complained of."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: it drives the browser")
    browser_path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser_path is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed: JupyterLab was not seen in a browser")
    flags = FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=flags)
        page = browser.new_page(viewport=screen)
        page.set_default_timeout(60_000)
        page.complaints, page.strangers = [], []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda m: page.complaints.append(m.text) if m.type == "error" else None)

        def only_ours(route):
            if route.request.url.startswith((server["url"], "data:", "blob:")):
                route.continue_()
            else:
                page.strangers.append(route.request.url)
                route.abort()

        page.route("**/*", only_ours)
        go_to(page, server, book)
        yield page
        browser.close()


def go_to(page, server, book):
    page.goto(f"{server['url']}/lab/tree/notebooks/{book.name}?reset&token={server['token']}")
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell")
    wait_for_idle(page)


@pytest.fixture(scope="module")
def page(server):
    """Chapter 03, on a large screen."""
    with open_page(server, BOOK, {"width": 1280, "height": 1400}) as page:
        yield page


@pytest.fixture
def fresh(page, server):
    """Chapter 03 once more, in a page of its own: for what would change the one that all others look at."""
    other = page.context.browser.new_page(viewport=page.viewport_size)
    other.set_default_timeout(60_000)
    go_to(other, server, BOOK)
    yield other
    other.context.close()


@pytest.fixture(scope="module")
def chapter():
    return Chapter.read(BOOK)


def wait_for_idle(page):
    page.wait_for_function(
        "() => / \\| Idle/.test(document.querySelector('#jp-main-statusbar')?.innerText ?? '')",
        timeout=90_000,
    )


def choose(page, *labels):
    """Picks an entry of the menu bar."""
    page.locator(".lm-MenuBar-item", has_text=re.compile(rf"^{labels[0]}$")).click()
    for label in labels[1:]:
        entry = page.locator(".lm-Menu-item", has=page.locator(".lm-Menu-itemLabel", has_text=re.compile(rf"^{label}$")))
        entry.last.click()


def cell(page, chapter, name):
    """A cell in the page; the page has all of them, in the notebook's order."""
    index = next(i for i, c in enumerate(chapter.cells) if c.id == name)
    return page.locator(".jp-Notebook .jp-Cell").nth(index)


def count(page, chapter, name):
    """A cell's execution count, 0 if it has none or is running."""
    prompt = cell(page, chapter, name).locator(".jp-InputPrompt").inner_text()
    number = re.search(r"\[(\d+)\]", prompt)
    return int(number[1]) if number else 0


def wait_until_all_ran(page):
    page.wait_for_function(
        """() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')]
                 .every(prompt => /\\[\\d+\\]/.test(prompt.innerText))""",
        timeout=180_000,
    )
    wait_for_idle(page)


def save(page):
    page.locator(".jp-NotebookPanel .jp-Notebook").click(position={"x": 5, "y": 5})
    with page.expect_response(lambda r: r.request.method == "PUT" and "/api/contents/" in r.url) as saved:
        choose(page, "File", "Save Notebook")
    assert saved.value.ok


def test_opening_and_saving_a_chapter_changes_nothing(fresh):
    """Not a byte: so a chapter that was only read is not asked about, and git shows no difference."""
    assert fresh.locator(".lm-TabBar-tab.jp-mod-dirty").count() == 0, "the chapter was opened, and wants to be saved"
    before = BOOK.read_bytes()
    try:
        save(fresh)
        assert BOOK.read_bytes().decode() == before.decode()
    finally:
        BOOK.write_bytes(before)


def test_file_browser_shows_whole_names(page):
    page.wait_for_selector(".jp-DirListing-itemText")
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.jp-DirListing-itemText')]
                     .filter(item => item.scrollWidth > item.clientWidth).map(item => item.innerText)"""
    )
    names = page.locator(".jp-DirListing-itemText").all_inner_texts()
    assert "07-the-runtime-in-200-lines.ipynb" in names
    assert cut == [], page.evaluate("() => [...document.querySelectorAll('.jp-DirListing-itemText')].map(i => [i.innerText, i.scrollWidth, i.clientWidth, document.querySelector('#jp-left-stack').clientWidth])")


@pytest.fixture(scope="module")
def ran(page):
    """The page after Run All Cells."""
    choose(page, "Run", "Run All Cells")
    wait_until_all_ran(page)
    return page


def test_page_has_every_cell(page, chapter):
    assert page.locator(".jp-Notebook .jp-Cell").count() == len(chapter.cells)


def test_the_line_stands_under_its_cell(ran, chapter):
    assert LINE in cell(ran, chapter, "swap-run").locator(".jp-Cell-outputArea").inner_text()
    assert LINE not in cell(ran, chapter, "forge-run").inner_text(), "the line is under the wrong cell"


def test_errors_only_where_they_are_meant(ran, chapter):
    wrong = []
    for c in chapter.code:
        errors = cell(ran, chapter, c.id).locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
        if bool(errors) != ("raises-exception" in tags(c)):
            wrong.append((c.id, errors))
    assert not wrong


def test_figures_are_shown(ran, chapter):
    figure = cell(ran, chapter, "forge-show").locator(".jp-OutputArea-output figure table")
    assert figure.count() == 1 and figure.is_visible()
    assert "starts the function: start of hello" in figure.inner_text()
    text = ran.locator(".jp-Notebook").inner_text().lower()
    assert "blocked" not in text and "not trusted" not in text, "JupyterLab refused an output"


def test_single_cell_runs_again(ran, chapter):
    before = count(ran, chapter, "swap-run")
    code = cell(ran, chapter, "swap-run")
    code.locator(".jp-InputArea-editor").click()
    ran.keyboard.press("Shift+Enter")
    deadline = time.monotonic() + 60
    while count(ran, chapter, "swap-run") <= before:
        assert time.monotonic() < deadline, "the cell did not run again"
        ran.wait_for_timeout(100)
    wait_for_idle(ran)
    assert code.locator(".jp-Cell-outputArea").inner_text().count(LINE) == 1
    assert "Dead" not in ran.locator("#jp-main-statusbar").inner_text()
    assert ran.locator(".jp-Dialog").count() == 0, "a dialog is open: did the kernel restart?"


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_both_themes_are_legible(ran, chapter, theme):
    choose(ran, "Settings", "Theme", f"JupyterLab {theme}")
    ran.wait_for_function(f"() => document.body.dataset.jpThemeName === 'JupyterLab {theme}'")
    ran.wait_for_timeout(300)
    folder = BUILD / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("forge-show", "swap-run"):
        target = cell(ran, chapter, name)
        target.scroll_into_view_if_needed()
        ran.screenshot(path=folder / f"{BOOK.stem}-{name}-{theme.lower()}.png")
    contrasts = ran.evaluate(CONTRASTS)
    assert len(contrasts) > 20, "nothing was measured"
    poor = [c for c in contrasts if c["ratio"] < 3]
    assert not poor, f"text that is hard to read on its background: {poor[:5]}"


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_errors_are_legible(fresh, chapter, theme):
    """The lab's sentences, what Java says of a text it refuses, and of an exception."""
    choose(fresh, "Settings", "Theme", f"JupyterLab {theme}")
    fresh.wait_for_function(f"() => document.body.dataset.jpThemeName === 'JupyterLab {theme}'")
    for wrong, says in ('Lab.load("nothing")', "nothing"), ("int mine = yours;", "cannot find symbol"), ("1 / 0", "by zero"):
        assert says in run_cell(fresh, chapter, "swap-run", wrong)
        fresh.wait_for_timeout(300)
        contrasts = fresh.evaluate(CONTRASTS)
        assert contrasts, "nothing was measured"
        poor = [c for c in contrasts if c["ratio"] < 4.5]
        assert not poor, f"text that is hard to read on its background: {poor[:5]}"


def run_cell(page, chapter, name, text=None):
    """Runs one cell, with its source replaced by a text if there is one."""
    before = count(page, chapter, name)
    cell(page, chapter, name).locator(".jp-InputArea-editor").click()
    if text is not None:
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(text)
    page.keyboard.press("Shift+Enter")
    deadline = time.monotonic() + 60
    while count(page, chapter, name) <= before:
        assert time.monotonic() < deadline, f"{name} did not run"
        page.wait_for_timeout(100)
    wait_for_idle(page)
    return cell(page, chapter, name).locator(".jp-Cell-outputArea").inner_text()


def test_edit_crash_and_go_on(ran, fresh, chapter):
    new = time.time_ns() % 1_000_000  # a text that no cache has
    crash = f"%%c mine --from 03-a-single-stack-swap\nvoid hello(void) {{ *(volatile int *)0 = {new}; }}\n"
    assert "compiled with" in run_cell(fresh, chapter, "experiment-own", crash)
    report = run_cell(fresh, chapter, "experiment-own-run")
    assert "crashed with SIGSEGV" in report and "writes through a null pointer" in report
    assert fresh.locator(".jp-Dialog").count() == 0, "a dialog is open: did the kernel die?"
    assert LINE in run_cell(fresh, chapter, "swap-run"), "the kernel did not go on"


# ---------------------------------------------------------------- while one writes a cell


def type_into(page, chapter, name, text):
    """Puts a text into a cell, with the cursor where the text has a |."""
    cell(page, chapter, name).locator(".jp-InputArea-editor").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text.replace("|", "", 1))
    for _ in range(len(text) - text.index("|") - 1):
        page.keyboard.press("ArrowLeft")


def text_of(page, chapter, name):
    return cell(page, chapter, name).locator(".cm-content").inner_text()


def test_status_is_known_before_any_cell_has_run(fresh):
    assert "| Idle" in fresh.locator("#jp-main-statusbar").inner_text()
    prompts = fresh.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").all_inner_texts()
    assert not any(re.search(r"\d", prompt) for prompt in prompts)


def test_title_of_a_quoted_part_opens_its_file_at_its_line(fresh, chapter):
    run_cell(fresh, chapter, "swap-start", "%load lab/start.jshell")
    run_cell(fresh, chapter, "swap-start", f'Lab.source("{BOOK.stem}", "swap_on")')
    title = cell(fresh, chapter, "swap-start").locator(".jp-OutputArea-output a").first
    first = int(re.search(r"lines (\d+) to", title.inner_text())[1])
    title.click()
    fresh.wait_for_selector(".jp-FileEditor .cm-content")
    fresh.wait_for_function(
        f"() => /Ln {first}, Col 1/.test(document.querySelector('#jp-main-statusbar')?.innerText ?? '')", timeout=30_000
    )
    assert f"{BOOK.stem}.c" in fresh.locator(".lm-DockPanel-tabBar .lm-mod-current").all_inner_texts()
    assert "swap_on" in fresh.locator(".jp-FileEditor .cm-content").inner_text()


def test_shift_tab_shows_javadoc(fresh, chapter):
    run_cell(fresh, chapter, "swap-start", "%load lab/start.jshell")
    type_into(fresh, chapter, "swap-start", 'Lab.lo|ad("x")')
    fresh.keyboard.press("Shift+Tab")
    fresh.wait_for_selector(".jp-Tooltip")
    shown = fresh.locator(".jp-Tooltip").inner_text()
    assert "Library Lab.load(String name, String... options)" in shown and "if the compiler refuses the source" in shown


def test_tab_offers_files_and_parts(fresh, chapter):
    run_cell(fresh, chapter, "swap-start", "%load lab/start.jshell")
    type_into(fresh, chapter, "swap-start", 'Lab.load("03|-")')
    fresh.keyboard.press("Tab")
    fresh.locator(".jp-Completer .jp-Completer-match", has_text=BOOK.stem).first.click()
    assert text_of(fresh, chapter, "swap-start") == f'Lab.load("{BOOK.stem}")'
    type_into(fresh, chapter, "swap-start", f'Lab.source("{BOOK.stem}", "swap_o|")')
    fresh.keyboard.press("Tab")
    fresh.wait_for_function(
        """() => /"swap_on"/.test(document.querySelector('.jp-mod-active .cm-content')?.innerText ?? '')
                 || document.querySelector('.jp-Completer:not(.lm-mod-hidden) .jp-Completer-match')""", timeout=30_000
    )
    offered = fresh.locator(".jp-Completer .jp-Completer-match").all_inner_texts()
    assert text_of(fresh, chapter, "swap-start").endswith('"swap_on")') or "swap_on" in offered
    assert not any(name[0].isupper() and name.endswith("Exception") for name in offered)


def test_a_cell_can_ask(fresh, chapter):
    cell(fresh, chapter, "swap-start").locator(".jp-InputArea-editor").click()
    fresh.keyboard.press("Control+A")
    fresh.keyboard.insert_text('System.out.print("Name? ");\nSystem.out.println("Hello " + IO.readln());')
    fresh.keyboard.press("Control+Enter")
    box = fresh.wait_for_selector(".jp-Stdin-input")
    box.fill("Zoë")
    box.press("Enter")
    wait_for_idle(fresh)
    assert "Hello Zoë" in cell(fresh, chapter, "swap-start").locator(".jp-Cell-outputArea").inner_text()


# The contrast of every piece of text in the outputs with what is behind it (WCAG 2: 3 for large, 4.5 for small).
CONTRASTS = """areas => {
    const context = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgba = colour => {
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data];
    };
    const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const colour = rgba(getComputedStyle(e).backgroundColor);
            if (colour[3] > 200) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const area of document.querySelectorAll(areas ?? '.jp-Notebook .jp-OutputArea-output')) {
        const walker = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const node = walker.currentNode, element = node.parentElement;
            if (!node.data.trim() || !element.getClientRects().length) continue;
            if (element.closest('style, pre code')) continue;  // JupyterLab's own colours for code
            const a = luminance(rgba(getComputedStyle(element).color)), b = luminance(behind(element));
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            found.push({text: node.data.trim().slice(0, 40), ratio});
        }
    }
    return found;
}"""


def test_nobody_else_was_asked(ran):
    assert ran.strangers == [], "the page asked another server"


def test_the_page_did_not_complain(ran):
    assert [c for c in ran.complaints if c.strip() not in HARMLESS] == []


# What Tornado says where a tab is closed while something is sent to it, as the tests above do.
CLOSED_TAB = re.compile(
    r"^Task exception was never retrieved\nfuture: <Task finished [^\n]*exception=WebSocketClosedError\(\)>\n"
    r"Traceback .*?^tornado\.websocket\.WebSocketClosedError$",
    re.MULTILINE | re.DOTALL,
)


def test_the_terminal_stays_quiet(ran, server):
    """What build.sh and the server say is for the reader: an address, no noise of a kernel or of Java."""
    said = CLOSED_TAB.sub("", server["said"]())
    assert not re.search(r"INFO|WARNING: |restricted|Exception|Traceback", said), said


def test_cleared_outputs_leave_no_trace(ran, fresh, chapter):
    """The way back that the README names: clear, save, and the file is the one that came."""
    before = BOOK.read_bytes()
    try:
        for name in ("forge-show", "swap-run"):
            run_cell(fresh, chapter, name)
        save(fresh)
        assert LINE in BOOK.read_text(encoding="utf-8"), "there was nothing to clear"
        choose(fresh, "Edit", "Clear Outputs of All Cells")
        save(fresh)
        assert json.loads(BOOK.read_bytes()) == json.loads(before)
    finally:
        BOOK.write_bytes(before)


def test_ctrl_c_ends_it_at_once(tmp_path):
    """In a terminal, without a question, and with the kernels that it started."""
    if not (BUILD / "stamps" / "library").exists():
        pytest.skip("not set up by build.sh: there is no server of ours to end")
    port, token = free_port(), secrets.token_hex(16)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.pop("PYTHONPATH", None)
        os.environ["JUPYTER_TOKEN"] = token
        os.execv(ROOT / "build.sh", ["build.sh", "--no-browser", "--port", str(port)])
    said = []
    threading.Thread(target=lambda: listen(terminal, said), daemon=True).start()
    ended = False
    try:
        deadline = time.monotonic() + 180
        while not answers(f"http://127.0.0.1:{port}/api"):
            assert time.monotonic() < deadline, b"".join(said)
            time.sleep(0.1)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/kernels", b'{"name": "java"}', {"Authorization": f"token {token}"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            assert reply.status == 201
        kernels = [child for child, name in children_of(pid) if name == "java"]
        assert kernels
        os.write(terminal, b"\x03")
        deadline = time.monotonic() + 30
        while not (ended := os.waitpid(pid, os.WNOHANG)[0] == pid):
            assert time.monotonic() < deadline, f"still there: {b''.join(said).decode()}"
            time.sleep(0.1)
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(terminal)
    text = b"".join(said).decode()
    assert "Stop it with Ctrl-C." in text
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{kernel}") for kernel in kernels):
        assert time.monotonic() < deadline, "a kernel outlives its server"
        time.sleep(0.1)
    assert "[y/N]" not in text and "(y/[n])" not in text


def listen(terminal, said):
    try:
        while piece := os.read(terminal, 4096):
            said.append(piece)
    except OSError:
        pass  # the other side is closed


def test_server_is_ready_soon(server, record_property):
    """Three seconds on an idle machine; a busy one is given more."""
    record_property("seconds_to_ready", round(server["seconds"], 2))
    assert server["seconds"] < 20
