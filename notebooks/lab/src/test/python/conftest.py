"""Shared by all tests: their order, which of them belong to a chapter, and a kernel that several can use.

Nothing is written into the checkout.
"""

import os
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import pytest

from kernels import Kernel

# ---------------------------------------------------------------- what belongs to a chapter


def pytest_addoption(parser):
    parser.addoption("--chapter", metavar="NN", help="only the tests that belong to this chapter")


def pytest_configure(config):
    config.addinivalue_line("markers", "chapter(NN, …): the chapters that a test belongs to, besides its parameters'")
    config.pluginmanager.register(Grouped())


# The names under which tests are given a chapter: by its stem, its path, one of its files, an exercise's number.
PARAMETERS = {"stem", "chapter", "path", "file", "number", "book"}


def chapters_of(item):
    """The numbers of the chapters that a test belongs to."""
    found = {number for marker in item.iter_markers("chapter") for number in marker.args}
    given = item.callspec.params if hasattr(item, "callspec") else {}
    for name, value in given.items():
        if name in PARAMETERS:
            text = value.name if isinstance(value, Path) else str(value)
            found.update(m[1] for m in [re.match(r"(?:native/)?(\d\d)(?![\d,])", text)] if m)
        found |= getattr(value, "chapters", set())
    return found


# .ci/run says so, and tells it, where there can be no system of the newest compilers.
collect_ignore = ["test_newest.py"] if os.environ.get("GREEN_THREADS_NEWEST") == "none" else []

# ---------------------------------------------------------------- the order


def group(item):
    """What has to run in one process, since its tests share a kernel, a server or a chapter that was run."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return given.get("stem")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """For the processes among which build.sh deals the tests out, a group at a time."""
    wanted = config.getoption("--chapter")
    if wanted:
        others = [item for item in items if wanted not in chapters_of(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in set(others)]
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def group_of(item):
    return getattr(item.module, "group", group)(item) or item.module.__name__


class Grouped:
    """After the shuffling: what shares a kernel stays together, and what takes longest begins first."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        first = {}
        for place, item in enumerate(items):
            first.setdefault(group_of(item), (-getattr(item.module, "SECONDS", 0), place))
        items.sort(key=lambda item: first[group_of(item)])


# ---------------------------------------------------------------- a kernel


@pytest.fixture(scope="session")
def shared():
    """Holds the kernel that tests share, so that one that a test killed can be replaced."""
    holder = {}
    yield holder
    if "kernel" in holder:
        holder["kernel"].stop()


@pytest.fixture
def kernel(shared):
    """A running kernel. A test may leave names behind in it, but must leave it alive."""
    if "kernel" not in shared or not shared["kernel"].alive:
        shared["kernel"] = Kernel()
        shared["kernel"].ok("%load lab/start.jshell")
    yield shared["kernel"]
    assert shared["kernel"].alive, "the kernel died"
