"""A new chapter by the page that says how: its own words, in a copy of the project, and what they make is green."""

import os
import re
import shlex
import shutil
import sys

import pytest

from project import BUILD, LAB, copy_of_project, run

SECONDS = 90  # about as long as it takes

PAGE = (LAB / "ADDING-A-CHAPTER.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (\S.*)$", PAGE, re.MULTILINE)


def environment(**more):
    """Of a contributor who has not set this checkout up, but has a home folder."""
    ours = ("GREEN_THREADS_", "JUPYTER", "IPYTHON", "PYTEST_", "PYTHON")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | more


# As if JupyterLab and what the tests need had been brought some time ago: that takes a minute, and the network.
BROUGHT = """
set -euo pipefail
source "$1"
root=$2 lab=$2/notebooks/lab
choose_build_folder
find_jdk
find_cc
find_python
make_build_folder
if ! in_conda; then
  # Its own, since a kernel is written into it; what nobody writes to is only linked.
  cp -a "$3/python" "$build/python" -l
  rm -rf "$build/python/share" "$build/python/etc"
  cp -a "$3/python/share" "$build/python/share"
  if [ -d "$3/python/etc" ]; then cp -a "$3/python/etc" "$build/python/etc"; fi
  python=$build/python/bin/python
  mark_done python "$(key_of_python)"
fi
ln -s "$3/test-packages" "$build/test-packages"
mark_done test-packages "$(sum_of_text "$(real_path "$python")" "$(cat "$lab/requirements-test.txt")")"
"""


@pytest.fixture
def tree(tmp_path):
    tree = copy_of_project(tmp_path / "tree")
    library = tmp_path / "library.sh"
    library.write_text((tree / "build.sh").read_text(encoding="utf-8").replace('\nmain "$@"\n', "\n"))
    words = ["bash", "-c", BROUGHT, "bash", library, tree, BUILD]
    status, said = run(words, env=environment())
    assert status == 0, said
    return tree


def test_the_page_alone_makes_a_chapter(tree):
    begin, test = COMMANDS[:2]
    status, said = run([sys.executable, *shlex.split(begin)[1:]], cwd=tree, env=environment())
    assert status == 0, said
    number, command = re.search(r"^Now: (\./build\.sh test (\d\d))$", said, re.MULTILINE).group(2, 1)
    assert command == re.sub(r"\d\d", number, test), "the page names another command"
    made = said.splitlines()[:-1]
    assert all((tree / name).is_file() for name in made) and f"notebooks/{number}-a-title.ipynb" in made, said

    # What belongs to it: with the compilers that are here, which is all that the page speaks of …
    status, said = run(["bash", "-c", command], cwd=tree, env=environment(GREEN_THREADS_NEWEST="none"), timeout=570)
    assert status == 0, said
    passed, failed = re.search(r"^tests: (\d+) passed, (\d+) failed", said.splitlines()[-1]).groups()
    assert int(passed) > 80 and failed == "0", said

    # … and what holds all chapters together.
    python = tree / "notebooks/lab/src/test/python"
    words = [sys.executable, "-m", "pytest", "-q", python / "test_setup.py", python / "test_notebook_rules.py"]
    words += [f"--rootdir={python}", "-k", "readme or expectations or shipped or way_on or resolve"]
    path = {"PYTHONPATH": str(BUILD / "test-packages"), "PYTHONDONTWRITEBYTECODE": "1"}
    status, said = run(words, cwd=tree, env=environment(GREEN_THREADS_BUILD=str(tree / ".build"), **path), timeout=300)
    assert status == 0, said


def test_the_page_names_every_file_that_is_made():
    for name in ("notebooks/NN-name.ipynb", "native/NN-name.c", "expected/chapterNN.py", "ChapterNN.java", "README.md"):
        assert name in PAGE


@pytest.mark.parametrize(
    "words, says",
    [
        ([], 'new_chapter.py "Its title" "Its question?"'),
        (["A toy"], 'new_chapter.py "Its title" "Its question?"'),
        (["A toy", "No question."], "a title and a question"),
        (["!", "Is it?"], "a title and a question"),
    ],
)
def test_what_is_no_chapter_is_refused(tmp_path, words, says):
    tree = copy_of_project(tmp_path / "tree")
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    status, said = run([sys.executable, tree / "notebooks/lab/new_chapter.py", *words], env=environment())
    assert status == 1 and says in said, said
    assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == before


def test_what_is_there_already_is_not_overwritten(tmp_path):
    tree = copy_of_project(tmp_path / "tree")
    words = [sys.executable, tree / "notebooks/lab/new_chapter.py", "A toy", "Does it work?"]
    status, said = run(words, env=environment())
    assert status == 0, said
    notebook = next(tree.glob("notebooks/*-a-toy.ipynb"))
    notebook.unlink()  # all else of it is there
    shutil.copy(LAB.parents[1] / "README.md", tree / "README.md")
    status, said = run(words, env=environment())
    assert status == 1 and "is there already" in said and not notebook.exists(), said
    assert (tree / "README.md").read_bytes() == (LAB.parents[1] / "README.md").read_bytes()
