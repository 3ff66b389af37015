"""Every change that the chapters suggest, in a cell's comment or in prose, and what it is to lead to.

A knob is a Java line such as `int told = 6;   // try 3, 0, and 1_000_000`: its values are found by themselves.
What cannot be found so stands in EDITS. Each cell that says "try" has to be in one of the two: a test sees to it.
"""

import re
from dataclasses import dataclass

FAULT = r"crashed with|was ended at its time limit|ended its process"


@dataclass(frozen=True)
class Edit:
    """A change of one cell. After it the cell runs, and the code cells that follow under the same heading."""

    cell: str
    change: dict  # texts of the cell, and what is written in their places
    says: str = ""  # what the outputs then match
    fails: bool = False  # an error, or a report of a crash, is what the prose leads the reader to expect


KNOB = re.compile(r"^(?P<begin>\s*(?P<type>[\w\[\]]+) \w+ = )(?P<value>.+?)(?P<rest>;\s*// (?:[^;]*; )?try (?P<list>.+))$")
SEPARATOR = re.compile(r""",\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+""")
PIECE = re.compile(r'"[^"]*"|\{[^}]*\}|[^",{}]')
LITERAL = re.compile(r"-?[\w.]+(?: (?:<<|\*) \d+)?L?|\"[^\"]*\"|\{[^}]*\}")


def values(text):
    """What a knob's comment lists; None if that is not a list of values."""
    found, current, at = [], "", 0
    while at < len(text):
        between = SEPARATOR.match(text, at)
        if between:
            found.append(current)
            current, at = "", between.end()
        else:
            piece = PIECE.match(text, at)
            if not piece:
                return None
            current, at = current + piece[0], piece.end()
    found = [value.strip() for value in [*found, current]]
    found = [value for value in found if value != "…"]
    return found if found and all(LITERAL.fullmatch(value) for value in found) else None


def knobs(cell):
    """The edits that a code cell's comments suggest, as far as they are found by themselves."""
    found = []
    for line in cell.source.splitlines():
        m = KNOB.match(line)
        listed = values(m["list"]) if m else None
        for value in listed or []:
            if m["type"] == "String" and not value.startswith('"'):
                value = f'"{value}"'
            change, key = {line: m["begin"] + value + m["rest"]}, (cell.id, value)
            found.append(Edit(cell.id, change, SAYS.get(key, FAILS.get(key, "")), key in FAILS))
    return found


def is_suggestion(cell):
    """Whether a cell says "try" to its reader: in a comment, or in prose (and not Java's try)."""
    if cell.cell_type == "code":
        return re.search(r"(//|/\*).*\btry\b", cell.source, re.IGNORECASE) is not None
    return re.search(r"\b[Tt]ry\b", re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)) is not None


def unlisted(stem, cells):
    """Suggestions that no test would try."""
    wrong = []
    edits = EDITS.get(stem[:2], [])
    known = {cell.id for cell in cells}
    wrong += [f"{edit.cell}: no such cell" for edit in edits if edit.cell not in known]
    for cell in cells:
        if not is_suggestion(cell) or cell.id in NO_CHANGE.get(stem[:2], {}):
            continue
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if re.search(r"(//|/\*).*\btry\b", line, re.IGNORECASE)]
            missed = [line for line in lines if not (KNOB.match(line) and values(KNOB.match(line)["list"]))]
            if missed and not any(edit.cell == cell.id for edit in edits):
                wrong.append(f"{cell.id}: {missed[0].strip()}")
        elif not any(edit.cell == PROSE.get(stem[:2], {}).get(cell.id) for edit in edits):
            wrong.append(f"{cell.id}: {re.search(r'[^.]*[Tt]ry[^.]*', cell.source)[0].strip()}")
    return wrong


def suggested(stem, cells):
    """All edits of a chapter, in the order of its cells."""
    by_cell = EDITS.get(stem[:2], [])
    found = []
    for cell in cells:
        if cell.cell_type == "code":
            found += knobs(cell)
            found += [edit for edit in by_cell if edit.cell == cell.id]
    return found


def changed(cell, edit):
    """The cell's text with the edit made."""
    source = cell.source
    for old, new in edit.change.items():
        assert old in source, f"suggestions.py: {cell.id} has no {old!r}"
        source = source.replace(old, new)
    return source


# ---------------------------------------------------------------- what the changes lead to

# What a cell says when a knob has this value; without an entry: no error, and no crash.
SAYS = {
    ("experiment-top", "60_000"): r"The top is|Refused",
    ("experiment-many", "50_000"): r"turns of 50,000 threads",
}

# The same for values that are to make it fail.
FAILS = {
    ("experiment-count", "1_000_000"): r"past the end of argument 1's memory",
    ("experiment-handler-run", "1"): r"status 42",
}

# Prose that says "try" and suggests no change of a cell.
NO_CHANGE = {
    "00": {"how": "how chapters are read"},
    "04": {"dump-about": "the cell below does"},
    "05": {"exercise-2-solution": "a hint names the step"},
}

# Prose that suggests changes: the edits below that make them.
PROSE = {
    "02": {"experiment-work-about": "experiment-work"},
    "03": {"experiment-own-about": "experiment-own"},
    "07": {"experiment-own-about": "experiment-own"},
    "08": {"experiment-any-about": "experiment-any"},
}

WORK = """    volatile long sum = 0;          // volatile: or the compiler would skip the loop

    for (long i = 1; i <= 10; i++)
        sum += i * i;
"""
GREETING = """    for (int i = 3; i > 0; i--)
        printf("%d …\\n", i);
    printf("Good morning!\\n");
"""
BACKWARDS = "    resume(running->current->previous);\n"

# C in cells, and what prose suggests.
EDITS = {
    "01": [
        Edit("greedy-edit", {"'A')": "'B')"}, r"time limit", fails=True),
        Edit("greedy-edit", {"'A')": "'?')"}, r"It is the turn of B"),
    ],
    "02": [
        Edit("experiment-work", {"sum = 0": "sum = 1", "sum += i * i": "sum *= i"}, r"kept: "),
        Edit("experiment-work", {WORK: "    extern double sin(double);\n    volatile double x = sin(1);\n    (void)x;\n"}, r"kept: "),
        Edit("experiment-work", {WORK: ""}, r"kept: "),
    ],
    "03": [
        Edit("experiment-own", {GREETING: '    printf("%f\\n", 0.1 + 0.2);\n'}, r"0\.300000[\s\S]*It used \d+ bytes"),
        Edit("experiment-own", {GREETING: '    puts(getenv("PATH") ? "a path" : "none");\n'}, r"It used \d+ bytes"),
        Edit("experiment-own", {GREETING: '    volatile char all[4096];\n\n    for (int i = 0; i < 4096; i++)\n        all[i] = 1;\n'},
             r"It used [45]\d\d\d bytes"),
        Edit("experiment-own", {GREETING: '    volatile char all[1 << 20];\n\n    for (int i = (1 << 20) - 1; i >= 0; i--)\n        all[i] = 1;\n'},
             r"It used \d+ bytes|crashed with SIG", fails=True),
    ],
    "04": [
        Edit("experiment-own", {"line[128]": "line[4096]"}, r"It used [4-9],\d\d\d of"),
        Edit("experiment-own", {"line[128]": "line[1 << 20]"}, r"very likely a stack overflow|crashed with SIG", fails=True),
    ],
    "06": [
        Edit("experiment-never", {";                         /* try": "yield_thread();           /* try"}, r"time limit", fails=True),
    ],
    "07": [
        Edit("experiment-own", {BACKWARDS: "    resume(running->current->next->next);\n"}, r"4 threads|5 threads"),
        Edit("experiment-own", {BACKWARDS: "    static int again;\n\n    again = !again;\n"
                                "    resume(again ? running->current : running->current->next);\n"}, r"threads, "),
        Edit("experiment-tops", {"id * r->area_size;": "id * r->area_size - id * CACHE_LINE % STAGGERED;"}, r"in step [\d.]+ ns"),
    ],
    "08": [
        Edit("experiment-any", {'where = "RISC-V 64, Linux"': 'where = "x86-64, Windows"',
                                'which = "02-registers-and-calls"': 'which = "04-the-stack"'},
             r"(?i)error|install|recorded", fails=True),  # without that compiler: what is missing
    ],
}
