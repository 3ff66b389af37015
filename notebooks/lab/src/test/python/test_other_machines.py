"""Chapter 08 on a machine that has a C compiler, and nothing for any other machine."""

import os
import shutil

import pytest

from chapters import Chapter, error_of, outputs_of, session
from project import NOTEBOOKS

# What a compiler of its own needs, and the lab.
OWN = ["cc", "gcc", "clang", "as", "ld", "ld.lld", "objdump", "llvm-objdump", "sh", "env"]


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A PATH with nothing else on it."""
    for name in OWN:
        if found := shutil.which(name):
            (tmp_path / name).symlink_to(os.path.realpath(found) if name.startswith("ld") else found)
    monkeypatch.setenv("PATH", str(tmp_path))
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
    # What needs a tool says which one.
    for name in ["return-code", "tables-forget", "probe-there", "experiment-any", "experiment-code"]:
        assert "To compile for it: `sudo apt install" in said[name], f"{name}: {said[name]}"
    # What needs none is what it is elsewhere.
    assert "✘ crash" in said["align-run"]
    assert "above the top of the second stack" in said["far-crash"]
