"""What chapter 08 shows of other machines where there are no tools: recorded, and still so."""

import importlib.util

import pytest

from project import LAB, NOTEBOOKS, tool
from test_machines import MACHINES

SPEC = importlib.util.spec_from_file_location("record", LAB / "record.py")
record = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(record)

pytestmark = pytest.mark.chapter("08")

FILE = LAB / "src/main/resources/greenthreads/lab/cross/recorded.txt"


def group(_):
    """Beside the chapter, whose compiled programs it shares."""
    return "08-other-machines"


def test_recorded_results_are_so(tmp_path):
    for name, machine in MACHINES.items():
        tool(*machine.compilers, why=f"it compiles for {name}")
        if machine.emulators:
            tool(*machine.emulators, why=f"it runs programs for {name}")
    now = record.recorded(NOTEBOOKS, tmp_path / "recorded.txt")
    assert len(now) > 40
    wrong = record.differences(record.parse(FILE.read_text(encoding="utf-8")), now)
    assert not wrong, "make them anew with ./build.sh record, and look at what changed:\n" + "\n".join(wrong)


RESULT = {"source": "1", "on": "2026-01-01", "by": "gcc 1.0", "exit": "0", "body": "a switch: 3.5 ns\nat 0x7ffe1234"}


@pytest.mark.parametrize(
    "change",
    [
        {"source": "2"},
        {"exit": "139"},
        {"body": "a switch: 3.5 ns"},
        {"body": "a switch: quick\nat 0x7ffe1234"},
        {"body": "a switch: 3.5 ns\nat 0x08"},
    ],
    ids=str,
)
def test_a_difference_is_seen(change):
    assert record.differences({"[run] a": RESULT}, {"[run] a": RESULT | change})


def test_other_results_are_seen():
    assert record.differences({"[run] a": RESULT}, {})
    assert record.differences({}, {"[run] a": RESULT})


def test_what_may_vary_may():
    now = RESULT | {"on": "2027-01-01", "by": "gcc 2.0", "body": "a switch: 10 ns\nat 0x55550000"}
    assert record.differences({"[run] a": RESULT}, {"[run] a": now}) == []
    assert record.differences({"[assembly] a": RESULT}, {"[assembly] a": now | {"body": "other"}}) == []
    assert record.differences({"[assembly] a": RESULT}, {"[assembly] a": RESULT | {"body": "other"}})


def test_the_file_is_read_as_it_was_written():
    text = FILE.read_text(encoding="utf-8")
    assert record.text_of(record.parse(text)) == text
    results = {"[run] a": RESULT, "[run] b": RESULT | {"body": ""}, "[run] c": RESULT | {"body": "a\n\n[b]\n"}}
    assert record.parse(record.text_of(results)) == results
