"""A reader who has a JupyterLab already, of another version and under another Python, runs a chapter from it.

Two are tried: the oldest JupyterLab 4 under the oldest Python that is here, and one newer than ours under the
newest. build.sh is run with that Python too, from nothing. Each is installed anew, from a lock of its own.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import test_browser
from chapters import Chapter
from project import LAB, copy_of_project, run

SECONDS = 60  # about as long as a group takes
LABS = Path(__file__).parent / "labs"
OLDEST, NEWEST = (3, 10), (3, 14)  # of Python, with wheels for all that is pinned

LOCKS = sorted(LAB.glob("requirements*.txt")) + sorted(LABS.glob("*.txt"))
MACHINES = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin"]
# What has to be compiled there, by whoever makes the site or tests: a reader needs none of it. (sniffpy is all Python.)
FROM_SOURCE = {("requirements-test", machine): ["sniffpy"] for machine in MACHINES}
FROM_SOURCE |= {("requirements-book", "x86_64-apple-darwin"): ["quickjs-ng"]}

# Without what the tests and their own Jupyter set, and without a home that knows kernels.
OURS = ("GREEN_THREADS_", "JUPYTER", "IPYTHON", "PYTEST_", "PYTHON", "IJAVA_", "VIRTUAL_ENV")


def uv(*words, **options):
    """uv, of the packages that the tests bring: it knows each Python's and each machine's packages."""
    import uv

    program = Path(uv.__file__).parents[1] / "bin" / "uv"
    return run([program if program.exists() else uv.find_uv_bin(), *words, "--no-config", "--quiet"], timeout=300, **options)


def pythons():
    """Each Python of this machine that build.sh takes, by its version; of two with one version, one."""
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep)]
    folders += Path.home().glob(".pyenv/versions/*/bin")
    found = {}
    for name in (path for folder in folders for path in [folder / "python3", *folder.glob("python3.[0-9]*")]):
        if re.fullmatch(r"python3(\.\d+)?", name.name) and os.access(name, os.X_OK):
            done = subprocess.run(
                [name, "-I", "-c", "import sys, venv, ensurepip; print(sys.base_prefix, *sys.version_info[:2])"], capture_output=True, text=True
            )
            if done.returncode == 0:
                base, *version = done.stdout.rsplit(maxsplit=2)
                version = tuple(map(int, version))
                program = Path(base) / "bin" / f"python3.{version[1]}"
                if version >= OLDEST and program.exists():
                    found.setdefault(version, program)
    return found


PYTHONS = pythons()
OWN = [("oldest", min(PYTHONS)), ("newest", max(PYTHONS))]


def group(item):
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return f"own jupyter {given['own'][0]}" if "own" in given else None


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("python", [OLDEST, NEWEST], ids=lambda version: "%d.%d" % version)
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_all_that_is_pinned_is_there_for_each_python_and_machine(lock, python, machine, tmp_path):
    words = ["pip", "install", "--dry-run", "--target", tmp_path, "--python-version", "%d.%d" % python]
    words += ["--python-platform", machine, "--only-binary", ":all:", "--require-hashes", "-r", lock]
    words += [word for name in FROM_SOURCE.get((lock.stem, machine), []) for word in ("--no-binary", name)]
    status, said = uv(*words)
    assert status == 0, said


class Own:
    """A JupyterLab beside the project's, that knows of the project what `build.sh kernel` made known to it."""

    def __init__(self, name, version, folder):
        self.folder, self.python = folder, folder / "lab" / "bin" / "python"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(OURS)} | {"HOME": str(folder / "home")}
        (folder / "home").mkdir()
        status, said = uv("venv", "--python", PYTHONS[version], folder / "lab")
        assert status == 0, said
        status, said = uv("pip", "sync", "--python", self.python, "--require-hashes", LABS / f"{name}.txt")
        assert status == 0, said
        # What Maven has brought for the first set-up need not be brought again; nothing else of it is there.
        maven = Path.home() / ".m2"
        if maven.exists():
            (folder / "home" / ".m2").symlink_to(maven)
        self.tree, self.chosen = copy_of_project(folder / "tree"), PYTHONS[version]
        status, self.said = self.build_sh("setup")
        assert status == 0, self.said
        status, said = self.build_sh("kernel")
        assert status == 0, said

    def build_sh(self, *words):
        return run([self.tree / "build.sh", *words], env=self.environment | {"PYTHON": str(self.chosen)}, timeout=400)

    def run(self, *words, **options):
        return run([self.python, "-I", "-m", *words], env=self.environment, timeout=180, **options)

    def kernels(self):
        status, said = self.run("jupyter", "kernelspec", "list", "--json")
        assert status == 0, said
        return json.loads(said[said.index("{") :])["kernelspecs"]


@pytest.fixture(scope="module", params=OWN, ids=lambda own: f"{own[0]}-python{own[1][0]}.{own[1][1]}")
def own(request, tmp_path_factory):
    made = Own(*request.param, tmp_path_factory.mktemp("own"))
    yield made
    shutil.rmtree(made.folder, ignore_errors=True)


def test_set_up_says_the_python(own):
    said = re.search(r"^ *Python (\d+\.\d+)\.\d+ +(\S+)$", own.said, re.MULTILINE)
    assert said and str(own.chosen) == said[2] and said[2].endswith(f"python{said[1]}"), own.said


def test_kernel_is_known(own):
    assert own.kernels()["java"]["spec"]["env"]["GREEN_THREADS_HOME"] == str(own.tree)


@pytest.mark.chapter("03")
def test_a_chapter_is_executed_by_nbconvert(own):
    book, done = own.tree / "notebooks" / test_browser.BOOK.name, own.folder / "done.ipynb"
    status, said = own.run("nbconvert", "--execute", "--to", "notebook", "--output", done, book, cwd=own.folder)
    assert status == 0, said
    chapter = Chapter.read(done)
    run_line = next(c for c in chapter.code if c.id == "swap-run")
    assert any(test_browser.LINE in output.get("text", "") for output in run_line.outputs), run_line.outputs


def test_a_console_computes(own):
    words = [own.python, "-I", "-m", "jupyter", "console", "--simple-prompt", "--kernel", "java"]
    typed = "System.out.println(6 * 7);\nLab.machine().architecture()\nexit\n"
    done = subprocess.run(words, env=own.environment, input=typed, capture_output=True, text=True, timeout=180)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and re.search(r"\b42\b", said) and re.search("x86-64|AArch64", said), said


@pytest.mark.chapter("03")
def test_a_chapter_runs_in_the_browser(own, tmp_path):
    book, chapter, port = test_browser.BOOK, Chapter.read(test_browser.BOOK), test_browser.free_port()
    words = test_browser.jupyterlab(own.python, port)
    with (
        test_browser.started(words, own.environment, tmp_path, port) as server,
        test_browser.open_page(server, book, {"width": 1280, "height": 1400}) as page,
    ):
        assert "| Idle" in page.locator("#jp-main-statusbar").inner_text()
        test_browser.choose(page, "Run", "Run All Cells")
        test_browser.wait_until_all_ran(page)
        assert test_browser.LINE in test_browser.cell(page, chapter, "swap-run").inner_text()
        figure = test_browser.cell(page, chapter, "forge-show").locator(".jp-OutputArea-output figure table")
        assert figure.count() == 1 and figure.is_visible()
        errors = page.locator(".jp-Notebook [data-mime-type='application/vnd.jupyter.error']").count()
        assert errors == sum("raises-exception" in test_browser.tags(c) for c in chapter.code)
        assert page.strangers == []


def test_taken_away_and_made_known_again(own):
    status, said = own.build_sh("kernel", "remove")
    assert status == 0, said
    assert own.kernels().keys().isdisjoint({"java"})
    status, said = own.build_sh("kernel")
    assert status == 0 and "java" in own.kernels(), said
