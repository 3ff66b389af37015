"""Every chapter under another compiler, and under one with other defaults: the same cells, the same expectations."""

import os

import pytest

from project import tool
from test_notebooks import CHAPTERS, run_elsewhere

SECONDS = 25  # about as long as a group takes

# Beside the machine's own, which test_notebooks.py takes. The second is what Ubuntu's gcc does unasked.
COMPILERS = {
    "clang": "clang",
    "hardened gcc": "gcc -fstack-clash-protection -fcf-protection=full -fstack-protector-strong",
}


def group(item):
    """Chapter by chapter, as in test_notebooks.py, but not in its process: that has enough to do."""
    return f"{item.callspec.params['stem']} under other compilers"


@pytest.mark.parametrize("name", COMPILERS)
@pytest.mark.parametrize("stem", CHAPTERS)
def test_prose_and_results_agree_under(stem, name, monkeypatch):
    command = COMPILERS[name]
    if "-fcf-protection" in command and os.uname().machine != "x86_64":
        command = command.replace("-fcf-protection=full", "-mbranch-protection=standard")
    tool(command.split()[0], why=f"every chapter is run under {name}")
    monkeypatch.setenv("CC", command)
    wrong = run_elsewhere(stem)
    assert not wrong, "\n\n".join(wrong)
