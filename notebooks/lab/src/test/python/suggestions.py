"""Every change that the chapters suggest, in a cell's comment or in prose, and what it is to lead to.

A knob is a Java line such as `int told = 6;   // try 3, 0, and 1_000_000`: its values are found by themselves.
What cannot be found so stands in the chapter's expectations, as EDITS. Each cell that says "try" has to be in one of
the two: a test sees to it.
"""

import re

import expected
from expected import Edit

FAULT = r"crashed with|was ended at its time limit|ended its process"


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


def knobs(stem, cell):
    """The edits that a code cell's comments suggest, as far as they are found by themselves."""
    says, fails = expected.of(stem).SAYS, expected.of(stem).FAILS
    found = []
    for line in cell.source.splitlines():
        m = KNOB.match(line)
        listed = values(m["list"]) if m else None
        for value in listed or []:
            if m["type"] == "String" and not value.startswith('"'):
                value = f'"{value}"'
            change, key = {line: m["begin"] + value + m["rest"]}, (cell.id, value)
            found.append(Edit(cell.id, change, says.get(key, fails.get(key, "")), key in fails))
    return found


def is_suggestion(cell):
    """Whether a cell says "try" to its reader: in a comment, or in prose (and not Java's try)."""
    if cell.cell_type == "code":
        return re.search(r"(//|/\*).*\btry\b", cell.source, re.IGNORECASE) is not None
    return re.search(r"\b[Tt]ry\b", re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)) is not None


def unlisted(stem, cells):
    """Suggestions that no test would try."""
    chapter = expected.of(stem)
    known = {cell.id for cell in cells}
    named = [*(edit.cell for edit in chapter.EDITS), *(cell for cell, _ in [*chapter.SAYS, *chapter.FAILS])]
    named += [*chapter.PROSE, *chapter.NO_CHANGE]
    wrong = [f"{name}: no such cell" for name in named if name not in known]
    for cell in cells:
        if not is_suggestion(cell) or cell.id in chapter.NO_CHANGE:
            continue
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if re.search(r"(//|/\*).*\btry\b", line, re.IGNORECASE)]
            missed = [line for line in lines if not (KNOB.match(line) and values(KNOB.match(line)["list"]))]
            if missed and not any(edit.cell == cell.id for edit in chapter.EDITS):
                wrong.append(f"{cell.id}: {missed[0].strip()}")
        elif not any(edit.cell == chapter.PROSE.get(cell.id) for edit in chapter.EDITS):
            wrong.append(f"{cell.id}: {re.search(r'[^.]*[Tt]ry[^.]*', cell.source)[0].strip()}")
    return wrong


def suggested(stem, cells):
    """All edits of a chapter, in the order of its cells."""
    found = []
    for cell in cells:
        if cell.cell_type == "code":
            found += knobs(stem, cell)
            found += [edit for edit in expected.of(stem).EDITS if edit.cell == cell.id]
    return found


def changed(cell, edit):
    """The cell's text with the edit made."""
    source = cell.source
    for old, new in edit.change.items():
        assert old in source, f"an edit of {cell.id} does not fit: it has no {old!r}"
        source = source.replace(old, new)
    return source
