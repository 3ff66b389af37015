"""Where things lie: the project's folders and files, copies of them, and this machine's tools."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[5]
BUILD = Path(os.environ.get("GREEN_THREADS_BUILD") or ROOT / ".build").resolve()
NOTEBOOKS = ROOT / "notebooks"
NATIVE = ROOT / "native"
LAB = NOTEBOOKS / "lab"


def git(*words):
    """What git prints, or None where the project is not a git checkout."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        return None
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


@functools.cache
def files():
    """Every file of the project that is not ignored, relative to its root."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed is not None:
        return sorted({Path(name) for name in listed.split("\0") if name and (ROOT / name).exists()})
    ignored = {BUILD, ROOT / ".build"}
    found = []
    for folder, folders, names in os.walk(ROOT):
        here = Path(folder)
        folders[:] = [f for f in folders if here / f not in ignored and f not in {".git", "__pycache__"}]
        found += [(here / name).relative_to(ROOT) for name in names]
    return sorted(found)


def text_of(path):
    """A file's text, or None if it is not text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def copy_of_project(target):
    """Copies the project's files, as a fresh clone would have them, to a folder that does not exist yet."""
    for path in files():
        there = target / path
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, there, follow_symlinks=False)
    return target


def tool(*names, why):
    """The first of these programs that this machine has; skips the test by name where it has none."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip(f"{' or '.join(names)} is not installed: {why}")


def run(words, **more):
    """Runs a program to its end; both streams as one text."""
    more.setdefault("timeout", 60)
    done = subprocess.run(
        [str(w) for w in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        **more,
    )
    return done.returncode, done.stdout


def java_release(java):
    """The feature release of a java program: 17, 25; None if it does not run."""
    try:
        status, text = run([java, "-version"], timeout=20)
    except OSError:
        return None
    number = re.search(r'version "(?:1\.)?(\d+)', text)
    return int(number[1]) if status == 0 and number else None


@functools.cache
def old_java():
    """A java program older than the chapters need, or None."""
    found = [shutil.which("java")]
    for folder in ("/usr/lib/jvm", "/Library/Java/JavaVirtualMachines"):
        found += sorted(Path(folder).glob("*/bin/java")) + sorted(Path(folder).glob("*/Contents/Home/bin/java"))
    for java in filter(None, found):
        release = java_release(java)
        if release and 11 <= release < 25:
            return Path(java).resolve()
    return None
