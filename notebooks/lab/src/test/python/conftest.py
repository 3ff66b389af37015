"""Shared by all tests: nothing is written into the checkout, and a kernel that several tests can use."""

import sys

sys.dont_write_bytecode = True

import pytest

from kernels import Kernel


def group(item):
    """What has to run in one process, since its tests share a kernel, a server or a chapter that was run."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return given.get("stem")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """For the processes among which build.sh deals the tests out."""
    for item in items:
        of = getattr(item.module, "group", group)
        item.add_marker(pytest.mark.xdist_group(of(item) or item.module.__name__))


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
