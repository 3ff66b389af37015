"""What processes there are. Linux only; elsewhere none are seen."""

import re
from pathlib import Path


def children_of(pid):
    """The processes that a process has started and that still run: each one's number and name."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            text = (process / "status").read_text() if process.name.isdigit() else ""
        except OSError:
            continue  # it has ended meanwhile
        if re.search(rf"^PPid:\s+{pid}$", text, re.MULTILINE):
            found.append((int(process.name), re.search(r"^Name:\s+(.*)$", text, re.MULTILINE)[1]))
    return found
