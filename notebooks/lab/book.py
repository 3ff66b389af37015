"""Runs every chapter in a fresh kernel and writes it, outputs and all, as HTML: book.py <notebooks> <book>.

A cell that fails ends its chapter, unless it is tagged raises-exception, and then it has to fail.
"""

import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

SECONDS_FOR_A_CELL = 300

# On paper nothing scrolls: long lines of code go on below, and a figure stays on one page where it fits.
PRINT = """<style>@media print {
  .jp-Notebook pre { white-space: pre-wrap !important; overflow-wrap: anywhere; }
  .jp-Notebook figure, .jp-Notebook tr { break-inside: avoid; }
}</style>
"""


class ChapterError(Exception):
    """What went wrong in a chapter, for the reader of the terminal."""


def error_of(cell):
    """The error among a cell's outputs, as plain text, or None."""
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            text = "\n".join(output.traceback) or f"{output.ename}: {output.evalue}"
            return re.sub(r"\x1b\[[0-9;]*m", "", text)
    return None


def execute(notebook, folder):
    client = NotebookClient(
        notebook, timeout=SECONDS_FOR_A_CELL, resources={"metadata": {"path": str(folder)}}
    )
    failure = None
    try:
        client.execute()
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


def page_of(notebook, name, folder):
    html, _ = HTMLExporter().from_notebook_node(
        notebook, resources={"metadata": {"name": name, "path": str(folder)}}
    )
    return html.replace("</head>", PRINT + "</head>", 1)


def write(chapter, book):
    notebook = nbformat.read(chapter, as_version=4)
    execute(notebook, chapter.parent)
    html = page_of(notebook, chapter.stem, chapter.parent)
    page = book / f"{chapter.stem}.html"
    unfinished = page.with_suffix(".new")
    unfinished.write_text(html, encoding="utf-8")
    unfinished.replace(page)


def main(notebooks, book):
    chapters = sorted(notebooks.glob("[0-9][0-9]-*.ipynb"))
    if not chapters:
        print(f"There is no chapter in {notebooks}.")
        return 1
    book.mkdir(parents=True, exist_ok=True)
    failed = 0
    for chapter in chapters:
        start = time.monotonic()
        print(f"  {chapter.stem:<30} ", end="", flush=True)
        try:
            write(chapter, book)
            print(f"{time.monotonic() - start:.0f} s")
        except ChapterError as problem:
            failed += 1
            print(f"failed\n\n{problem}\n")
    print(f"{len(chapters) - failed} of {len(chapters)} chapters are in {book}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
