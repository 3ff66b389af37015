"""What each chapter is to put out, and what its readers will try: one file a chapter, chapterNN.py, beside this one.

A chapter's file may define these names, and needs only those that it has something for:

OUTPUTS      a cell's id → a pattern, or a list of patterns, each to be found in the cell's text when the chapter
             runs from top to bottom (lines anchored by ^ and $). A cell that prints something and is not named
             fails the tests, and so does a name that no cell has. Cells tagged exercise and check have tests of
             their own.
PROGRAM      what the native file prints when it is compiled alone: a list of lines. A plain string must be the
             line, to the letter; a pattern (re.compile, measured) must match all of it. Where architectures
             differ: a dict with a list for each.
FACTS        what the text says of native functions as numbers: (an expression in C, the lowest value, the highest).
             `memory` is an array of 64 KiB, all zeros.
SAYS, FAILS  what a cell says with a value that its own comment suggests (`int n = 6;   // try 3, 0`):
             (cell, value) → a pattern. SAYS: it works; FAILS: it is to fail. Without an entry: no error, no crash.
EDITS        the changes that comments and text suggest in other words: a list of Edit.
PROSE        a cell of text that suggests changes → the cell that they change, one of EDITS.
NO_CHANGE    a cell of text that says "try" and suggests no change → why not.
WALK         what a debugger steps in the native file, and whom it must see: a Walk.
SMALL_SCREEN the cells that a stepped figure needs, the figure last, which is then looked at on a laptop's screen;
             ALL_ABOVE: all code above it that is no experiment.
NOT_FOR_WINDOWS, WITHOUT_THREAD_SANITIZER
             why the native file is not compiled for Windows; and, for a compiler, why not with that sanitizer.
EXPLAINED    a word of C or assembly that the pages of chapter 02 leave out, and that this chapter explains
             → (the cell, a pattern for what it says).
FOREIGN      a name that the text may quote though no code here has it → why.
WORDS        exceptions from the rules of words.py: (rule, a text around the word, why).

Answers to exercises, which stand below in any number:

    right("03.1", {"what the solution has": "what a reader writes"})
    right("03.1", source="the whole cell")
    wrong("03.1", "the likely cause", {"what the solution has": "what a reader writes"})
    wrong("03.1", "the likely cause", source="the whole cell")

The cause is a pattern for what stands under the check; runs of white space count as one space. The solution in the
notebook is tried too, and is one of the right answers.
"""

import functools
import importlib
import re
from dataclasses import dataclass, field
from pathlib import Path

# ---------------------------------------------------------------- words for a chapter's file

READY = r"\AThe lab is ready: JDK \d+, .+ on (x86-64|AArch64)\.\n\Z"
NUMBER = r"\d+(?:\.\d+)?"


def loaded(what):
    """The one line that a load prints, whether or not somebody loaded it before."""
    return rf"\A{what}: (compiled with \S.* in|unchanged, loaded from the cache in) [\d.]+ m?s(, in the background)?\.$"


def measured(text):
    """A line in which each `#` stands for a number that is not negative."""
    return re.compile(re.escape(text).replace(r"\#", rf"\s*{NUMBER}"))


X86_64 = "x86-64"
AARCH64 = "aarch64"
RISCV64 = "riscv64"
WINDOWS = "x86-64-windows"

# The registers that the callee owns, as each ABI has it: 64 bits of each, but 128 of an xmm.
CALLEE_SAVED = {
    X86_64: ["rbx", "rbp", "r12", "r13", "r14", "r15"],
    AARCH64: [f"x{n}" for n in range(19, 30)] + [f"d{n}" for n in range(8, 16)],
    RISCV64: [f"s{n}" for n in range(12)] + [f"fs{n}" for n in range(12)],
    WINDOWS: ["rbx", "rsi", "rdi", "rbp", "r12", "r13", "r14", "r15"] + [f"xmm{n}" for n in range(6, 16)],
}


def words_of(register):
    """What a register is called where it is compared, 64 bits at a time."""
    return [f"{register}.low", f"{register}.high"] if register.startswith("xmm") else [register]


# The runtime's file, and what the book's example prints.
RUNTIME = "07-the-runtime-in-200-lines"
THE_29_LINES = [
    "THREAD 1 STARTING",
    "thread: 1 counter: 0",
    "THREAD 2 STARTING",
    "thread: 2 counter: 0",
    *[f"thread: {thread} counter: {n}" for n in range(1, 10) for thread in (1, 2)],
    "THREAD 1 FINISHED",
    *[f"thread: 2 counter: {n}" for n in range(10, 15)],
    "THREAD 2 FINISHED",
]
assert len(THE_29_LINES) == 29


def traces(switches, rows):
    """Facts of the book's example, run in silence: every switch is counted, and as many recorded as there is room for."""
    call = f"trace_turns((int32_t[]){{10, 15}}, 2, (void *)memory, %s) == {switches}"
    return [(f"{call % room} ? {of} : -1", value, value) for room, of, value in rows]


ALL_ABOVE = object()


@dataclass(frozen=True)
class Edit:
    """A change of one cell. After it the cell runs, and the code cells that follow under the same heading."""

    cell: str
    change: dict  # texts of the cell, and what is written in their places
    says: str = ""  # what the outputs then match
    fails: bool = False  # an error, or a report of a crash, is what the prose leads the reader to expect


@dataclass(frozen=True)
class Walk:
    """What a debugger steps, and the functions that it must see to have called it."""

    stepped: list
    callers: set
    begins: set = frozenset()  # functions with which a stack begins: above them there is no caller


@dataclass(frozen=True)
class Answer:
    exercise: str
    says: str = ""  # empty: this answer is right
    replace: dict = field(default_factory=dict)
    source: str = ""

    @property
    def is_right(self):
        return not self.says


_answers = []


def right(exercise, replace=None, source=""):
    _add(Answer(exercise, "", replace or {}, source))


def wrong(exercise, says, replace=None, source=""):
    assert says, "a wrong answer has a cause"
    _add(Answer(exercise, says, replace or {}, source))


def _add(answer):
    assert bool(answer.replace) != bool(answer.source), "give either a replacement or a source"
    _answers.append(answer)


# ---------------------------------------------------------------- what the tests ask for

_ABSENT = {
    "OUTPUTS": {},
    "PROGRAM": None,
    "FACTS": [],
    "SAYS": {},
    "FAILS": {},
    "EDITS": [],
    "PROSE": {},
    "NO_CHANGE": {},
    "WALK": None,
    "SMALL_SCREEN": None,
    "NOT_FOR_WINDOWS": "",
    "WITHOUT_THREAD_SANITIZER": {},
    "EXPLAINED": {},
    "FOREIGN": {},
    "WORDS": [],
}


class Expectations:
    """A chapter's file. What it does not define is empty."""

    def __init__(self, stem, module):
        self.stem, self._module = stem, module

    def __getattr__(self, name):
        if name not in _ABSENT:
            raise AttributeError(name)
        return getattr(self._module, name, _ABSENT[name])

    @property
    def answers(self):
        return [answer for answer in _answers if answer.exercise[:2] == self.stem[:2]]


def file_of(stem):
    """Where the expectations of a notebook, or of a native file, stand."""
    return Path(__file__).with_name(f"{_name(stem)}.py")


def files():
    """All that stand here."""
    return {path for path in Path(__file__).parent.glob("*.py") if path.name != "__init__.py"}


def _name(stem):
    return f"chapter{stem[:2]}" if stem[0].isdigit() else stem


@functools.cache
def of(stem):
    """The expectations of a notebook, or of a native file; a chapter that has none yet expects nothing."""
    module = importlib.import_module(f"{__name__}.{_name(stem)}") if file_of(stem).exists() else None
    return Expectations(stem, module)
