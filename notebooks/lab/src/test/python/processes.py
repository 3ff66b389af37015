"""What processes there are. Linux only; elsewhere none are seen."""

import re
from pathlib import Path


def children_of(pid):
    """The processes that a process has started and that still run: each one's number and name."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if re.search(rf"^PPid:\s+{pid}$", text, re.MULTILINE):
            found.append((int(status.parent.name), re.search(r"^Name:\s+(.*)$", text, re.MULTILINE)[1]))
    return found
