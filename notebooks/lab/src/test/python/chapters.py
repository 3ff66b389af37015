"""The chapters: their cells, their exercises, and a kernel that runs them as JupyterLab would."""

import copy
import re
from contextlib import contextmanager
from dataclasses import dataclass

import nbformat
from nbclient import NotebookClient

from kernels import installed_spec, plain
from project import NOTEBOOKS

HOLE = "/* your answer here */"


@dataclass
class Exercise:
    """One exercise: the cell with the hole, the cell that checks it, the source that solves it."""

    number: str
    cell: object
    check: object
    solution: str


class Chapter:
    def __init__(self, book, stem, folder=NOTEBOOKS):
        self.book, self.stem, self.folder = book, stem, folder

    @staticmethod
    def read(path):
        return Chapter(nbformat.read(path, as_version=nbformat.NO_CONVERT), path.stem, path.parent)

    @property
    def cells(self):
        return self.book.cells

    @property
    def code(self):
        return [c for c in self.cells if c.cell_type == "code"]

    @property
    def markdown(self):
        return [c for c in self.cells if c.cell_type == "markdown"]

    def tagged(self, tag):
        return [c for c in self.cells if tag in tags(c)]

    def exercises(self):
        """Every exercise cell with the check and the solution that follow it, before the next exercise."""
        found = []
        for i, cell in enumerate(self.cells):
            if "exercise" not in tags(cell):
                continue
            rest = []
            for later in self.cells[i + 1 :]:
                if "exercise" in tags(later):
                    break
                rest.append(later)
            check = next((c for c in rest if "check" in tags(c)), None)
            solution = next((c for c in rest if "solution" in tags(c)), None)
            found.append(Exercise(number_of(cell), cell, check, solution and solution_in(solution)))
        return found

    def section_of(self, exercise):
        """The code cells from an exercise's heading to its check: all that its check needs."""
        end = self.cells.index(exercise.check)
        begin = end
        while begin > 0 and not self.cells[begin].source.startswith("## "):
            begin -= 1
        return [c for c in self.cells[begin : end + 1] if c.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def number_of(cell):
    return cell.metadata.get("green_threads", {}).get("exercise")


FENCE = re.compile(r"^(`{3,}|~{3,})[ \t]*(\S*)[^\n]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)


def fenced_blocks(source):
    """The fenced code blocks of a Markdown text, as pairs of language and code."""
    return [(m[2], m[3].rstrip("\n")) for m in FENCE.finditer(source)]


def without_fences(source):
    return FENCE.sub("", source)


DETAILS = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.DOTALL)


def folds(source):
    """What is folded away in a Markdown text, as pairs of summary and body."""
    return [(m[1].strip(), m[2]) for m in DETAILS.finditer(source)]


def solution_in(cell):
    """The one fenced block under the fold named Solution; None if there is not exactly one."""
    blocks = [b for summary, body in folds(cell.source) if summary == "Solution" for b in fenced_blocks(body)]
    return blocks[0][1] if len(blocks) == 1 and blocks[0][0] in ("java", "c") else None


def chapter_paths():
    return sorted(NOTEBOOKS.glob("*.ipynb"))


# ---------------------------------------------------------------- running


def outputs_of(cell):
    """What a reader sees under an executed cell, as plain text."""
    parts = []
    for output in cell.outputs:
        match output.output_type:
            case "stream":
                parts.append(output.text)
            case "error":
                parts.append("\n".join(output.traceback) or f"{output.ename}: {output.evalue}")
            case "display_data" | "execute_result":
                parts.append(output.data.get("text/plain", "") + "\n")
    return plain("".join(parts))


def error_of(cell):
    return next((plain("\n".join(o.traceback) or f"{o.ename}: {o.evalue}") for o in cell.outputs
                 if o.output_type == "error"), None)


class Session:
    """A kernel that runs a chapter's cells, in whatever order."""

    def __init__(self, client):
        self._client = client

    def run(self, cell, source=None):
        """Runs a copy of a cell, with another source if one is given, and returns it with its outputs."""
        done = copy.deepcopy(cell)
        done.outputs = []
        if source is not None:
            done.source = source
        # Errors are for the caller to judge, so nbclient is to go on.
        self._client.execute_cell(done, 0, store_history=True)
        return done

    @property
    def pid(self):
        return self._client.km.provisioner.pid


@contextmanager
def session(chapter, timeout=90):
    """A fresh kernel for a chapter, started as nbclient and nbconvert start it."""
    installed_spec()
    client = NotebookClient(
        copy.deepcopy(chapter.book),
        timeout=timeout,
        kernel_name=chapter.book.metadata.kernelspec.name,
        allow_errors=True,
        resources={"metadata": {"path": str(chapter.folder)}},
    )
    with client.setup_kernel():
        yield Session(client)
