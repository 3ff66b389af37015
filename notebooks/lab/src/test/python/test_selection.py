"""Which tests belong to a chapter, and in which order they run."""

import os
import re
import sys
from types import SimpleNamespace

import pytest

from conftest import Grouped, chapters_of
from project import LAB, NOTEBOOKS, ROOT, run

NAMES = {
    "stem": ("06-threads-and-a-scheduler", {"06"}),
    "chapter": ("06-threads-and-a-scheduler", {"06"}),
    "path": (NOTEBOOKS / "06-threads-and-a-scheduler.ipynb", {"06"}),
    "file": ("native/06-threads-and-a-scheduler.c", {"06"}),
    "number": ("06.2", {"06"}),
    "book": ("gallery", set()),
    "level": ("06-threads-and-a-scheduler", set()),
    "edit": (SimpleNamespace(chapters={"03"}), {"03"}),
}


def item(params=None, marked=(), module="test_a", name="one", seconds=0):
    return SimpleNamespace(
        callspec=SimpleNamespace(params=params or {}),
        iter_markers=lambda _: [SimpleNamespace(args=marked)] if marked else [],
        module=SimpleNamespace(__name__=module, SECONDS=seconds),
        name=name,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_names_the_chapter(name):
    value, numbers = NAMES[name]
    assert chapters_of(item({name: value})) == numbers


def test_a_mark_names_chapters_and_a_number_alone_does_not():
    assert chapters_of(item(marked=("05", "07"))) == {"05", "07"}
    assert chapters_of(item({"number": "10,000"})) == set()
    assert chapters_of(item({"file": "README.md"})) == set()


def test_what_shares_a_kernel_stays_together_and_the_longest_begins():
    items = [
        item(module="test_short", name="a"),
        item({"stem": "03-x"}, module="test_long", name="b", seconds=9),
        item(module="test_other", name="c"),
        item({"stem": "04-x"}, module="test_long", name="d", seconds=9),
        item(module="test_short", name="e"),
        item({"stem": "03-x"}, module="test_long", name="f", seconds=9),
    ]
    Grouped().pytest_collection_modifyitems(items)
    assert "".join(one.name for one in items) == "bfdaec"


@pytest.fixture(scope="module")
def of_chapter_06():
    """The modules whose tests pytest would run for chapter 06, a line each: test_native.py: 42"""
    words = [sys.executable, "-m", "pytest", LAB / "src/test/python", "--collect-only", "-qq", "--chapter", "06"]
    words += [f"--rootdir={LAB / 'src/test/python'}"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    status, said = run(words, env=environment, timeout=300)
    assert status == 0, said
    return said


@pytest.mark.parametrize(
    "module",
    ["test_notebooks", "test_native", "test_machines", "test_compilers", "test_notebook_rules", "test_words",
     "test_listings", "test_unwinding", "test_kernel"],
)  # fmt: skip
def test_all_kinds_of_tests_of_a_chapter_are_run(of_chapter_06, module):
    assert f"{module}.py: " in of_chapter_06, of_chapter_06


def test_no_test_of_another_is_run(of_chapter_06):
    assert "test_setup.py" not in of_chapter_06 and "test_stale.py" not in of_chapter_06


# ---------------------------------------------------------------- groups

TOY = """
import os
import pytest

def group(item):
    return item.callspec.params["stem"]

@pytest.mark.parametrize("n", range(5))
@pytest.mark.parametrize("stem", ["a", "b", "c"])
def test_toy(stem, n):
    with open({seen!r}, "a") as seen:
        print(stem, os.getpid(), file=seen)
"""


def test_a_group_stays_in_one_process(tmp_path):
    """As build.sh deals the tests out. Where that fails nothing else does: each process runs each chapter."""
    seen = tmp_path / "seen"
    (tmp_path / "test_toy.py").write_text(TOY.format(seen=str(seen)))
    (tmp_path / "conftest.py").write_text((LAB / "src/test/python/conftest.py").read_text(encoding="utf-8"))
    options = re.search(r"--numprocesses=\S+ (--dist=\S+ --no-loadscope-reorder)", (ROOT / "build.sh").read_text("utf-8"))[1]
    words = [sys.executable, "-m", "pytest", tmp_path, f"--rootdir={tmp_path}", "--numprocesses=2", *options.split()]
    path = os.pathsep.join([str(LAB / "src/test/python"), os.environ.get("PYTHONPATH", "")])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"PYTHONPATH": path}
    status, said = run([*words, "-q", "-p", "no:cacheprovider"], env=environment, timeout=300)
    assert status == 0, said
    rows = [line.split() for line in seen.read_text().splitlines()]
    processes = {stem: {pid for name, pid in rows if name == stem} for stem in "abc"}
    assert len(rows) == 15 and {len(pids) for pids in processes.values()} == {1}, rows
    assert len(set.union(*processes.values())) == 2, "one process did it all"
