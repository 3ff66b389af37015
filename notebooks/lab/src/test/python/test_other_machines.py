"""Chapter 08 on a machine that has a C compiler, and nothing for any other machine."""

import os
import re
import shutil

import pytest

from chapters import Chapter, error_of, outputs_of, session
from kernels import Kernel
from project import NOTEBOOKS

pytestmark = pytest.mark.chapter("08")

# What a compiler of its own needs, and the lab.
OWN = ["cc", "gcc", "clang", "as", "ld", "ld.lld", "objdump", "llvm-objdump", "sh", "env"]


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A PATH with nothing else on it."""
    for name in OWN:
        if found := shutil.which(name):
            (tmp_path / name).symlink_to(os.path.realpath(found) if name.startswith("ld") else found)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("GREEN_THREADS_ZIG", str(tmp_path))  # not what `./build.sh cross` may have brought
    monkeypatch.delenv("CC", raising=False)


def test_the_chapter_can_be_read_without_tools(alone):
    chapter = Chapter.read(NOTEBOOKS / "08-other-machines.ipynb")
    with session(chapter) as kernel:
        ran = {cell.id: kernel.run(cell) for cell in chapter.code}
    assert [error_of(cell) for cell in ran.values() if error_of(cell)] == []
    said = {name: outputs_of(cell) for name, cell in ran.items()}
    assert "sudo apt install gcc-aarch64-linux-gnu" in said["tools-list"]
    assert "sudo apt install gcc-mingw-w64-x86-64" in said["tools-list"]
    # All tables and all code are there, and say where they come from.
    assert said["tables-show"].count("says its header; no compiler here") == 3
    assert "0x90  xmm15             128" in said["tables-show"]
    assert said["switch-show"].count("\n→ ") == 4
    # What needs a tool shows what was recorded, and says so.
    for name in ["tools-run", "print-run", "tables-forget", "return-run", "experiment-any"]:
        assert re.search(r"not run here\. Recorded on \d{4}-\d\d-\d\d: compiled with ", said[name]), said[name]
    assert "29 lines, the same as on your machine; exit code 0 (recorded)" in said["return-runtime"]
    for name in ["return-code", "probe-there", "experiment-code"]:
        assert re.search(r"\(recorded on \d{4}-\d\d-\d\d: compiled with ", said[name]), said[name]
    assert re.search(r"^AArch64, Linux \(recorded\) +29 +true +exit code 0 \(recorded\)$", said["tools-compare"], re.MULTILINE)
    assert said["tools-compare"].count("not run") >= 1, "a program for macOS ran nowhere"
    # What needs none is what it is elsewhere.
    assert "✘ crash" in said["align-run"]
    assert "above the top of the second stack" in said["far-crash"]


FORGED = """
%%c forging
#include <stdio.h>
int main(void) {{ {} }}
"""


def test_nothing_recorded_is_shown_of_a_changed_source(alone):
    """A reader's own program has run nowhere; nor has one that needs other options."""
    with Kernel() as kernel:
        kernel.ok("%load lab/start.jshell")
        kernel.ok(FORGED.format('puts("mine");').strip())
        run = 'System.out.println(Lab.target("AArch64, Linux").run("{}"{}).text());'
        said = kernel.ok(run.format("forging", "")).text
        assert "of this source as it was before it was changed. To compile for it: `./build.sh cross`" in said
        assert "elsewhere\n" not in said and "mine" not in said
        said = kernel.ok(run.format("07-the-runtime-in-200-lines", ', "-O1"')).text
        assert "THREAD" not in said and "To compile for it" in said
