"""Runs notebooks in fresh kernels, two at once, and tells on which machine they ran."""

import os
import platform
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

SECONDS_FOR_A_CELL = 300
AT_ONCE = 2

# Run behind each chapter, in its kernel: what the lab says of the machine.
MACHINE = "Lab.machine()"


class ChapterError(Exception):
    """What went wrong in a chapter, for the reader of the terminal."""


@dataclass(frozen=True)
class Executed:
    """A notebook with its outputs, or with none and the reason for it."""

    path: Path
    notebook: nbformat.NotebookNode
    machine: dict
    seconds: float
    failure: str = ""


def error_of(cell):
    """The error among a cell's outputs, as plain text, or None."""
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            text = "\n".join(output.traceback) or f"{output.ename}: {output.evalue}"
            return re.sub(r"\x1b\[[0-9;]*m", "", text)
    return None


def execute(notebook, path):
    """Fills in the outputs of the notebook that lies there. A cell that fails ends the chapter, unless its tag says that it has to fail."""
    client = NotebookClient(
        notebook, timeout=SECONDS_FOR_A_CELL, resources={"metadata": {"path": str(path.parent)}}
    )
    failure = None
    try:
        # As Jupyter's server does, tell the kernel whose cells it is going to run.
        client.execute(env={**os.environ, "JPY_SESSION_NAME": str(path)})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as problem:
        # nbclient's own text leaves out what Java said: that is in the outputs.
        failure = problem
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        error = error_of(cell)
        meant = "raises-exception" in cell.metadata.get("tags", [])
        if error and not meant:
            raise ChapterError(f"cell {cell.id} failed:\n\n{cell.source}\n\n{error}")
        if meant and not error and failure is None:
            raise ChapterError(f"cell {cell.id} is tagged raises-exception, but did not fail.")
    if failure:
        raise ChapterError(str(failure))


def processor():
    """The processor's name as its maker writes it, or nothing where the system does not tell."""
    try:
        if platform.system() == "Darwin":
            words = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(words, capture_output=True, text=True, timeout=10).stdout.strip()
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        return found[1].strip() if found else ""
    except (OSError, subprocess.SubprocessError):
        return ""


def machine_of(cell):
    """The lab's table of the machine: what to value."""
    for output in cell.outputs:
        text = output.get("data", {}).get("text/plain", "")
        rows = [re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in text.splitlines()]
        facts = {row[0]: row[1] for row in rows if len(row) == 2}
        if "architecture" in facts:
            return facts | {"processor": processor()}
    raise ChapterError(f"the cell {MACHINE} did not say what machine this is:\n\n{cell.outputs}")


def run(path):
    """One notebook, in a kernel of its own that works in the notebook's folder."""
    started = time.monotonic()
    notebook = nbformat.read(path, as_version=4)
    # With an id of its own: nbformat would draw one, and no two runs would be the same.
    notebook.cells.append(nbformat.v4.new_code_cell(MACHINE, id="machine-of-the-book"))
    machine, failure = {}, ""
    try:
        execute(notebook, path)
        machine = machine_of(notebook.cells[-1])
    except ChapterError as problem:
        failure = str(problem)
    notebook.cells.pop()
    return Executed(path, notebook, machine, time.monotonic() - started, failure)


def run_all(paths):
    """All of them, two at once; gives each as soon as it and those before it are done."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(run, paths)


def unexecuted(path):
    """A notebook as it lies in the checkout."""
    return Executed(path, nbformat.read(path, as_version=4), {}, 0.0)
