"""Every chapter in a fresh kernel, from top to bottom, again in other orders, with right and wrong answers."""

import itertools
import random
import re
from dataclasses import dataclass, field

import nbformat
import pytest

import expected
from chapters import Chapter, chapter_paths, error_of, outputs_of, session, tags
from processes import children_of
from suggestions import FAULT, changed, knobs, suggested, unlisted, values

SECONDS = 60  # about as long as a group takes

CHAPTERS = {path.stem: Chapter.read(path) for path in chapter_paths()}
EXERCISES = {e.number: (stem, e) for stem, chapter in CHAPTERS.items() for e in chapter.exercises()}
ANSWERS = [answer for stem in CHAPTERS for answer in expected.of(stem).answers]

each_chapter = pytest.mark.parametrize("stem", CHAPTERS)
each_exercise = pytest.mark.parametrize("number", EXERCISES)


def group(item):
    """All tests of a chapter share its runs."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return given.get("stem") or EXERCISES.get(given.get("number"), (None,))[0]


# ---------------------------------------------------------------- one kernel for all that is asked of a chapter

ORDERS = {
    "again, from bottom to top": lambda cells: list(reversed(cells)),
    "again, shuffled": lambda cells: random.Random(2019).sample(cells, len(cells)),
}


@dataclass
class Ran:
    """What came of a chapter, stage by stage."""

    first: dict = field(default_factory=dict)  # from top to bottom, nothing changed: a cell by its id
    changes: list = field(default_factory=list)  # each suggested change, with the cells that ran
    answers: dict = field(default_factory=dict)  # for an answer's place in ANSWERS, the cells of the exercise
    solutions: dict = field(default_factory=dict)  # the same for an exercise's number
    again: dict = field(default_factory=dict)  # for an order, the cells in it
    left: list = field(default_factory=list)  # the processes that are left at the end


def stages(stem, ran):
    """Runs a chapter in one kernel, in the order in which a reader would, and says which stage has been done."""
    chapter = CHAPTERS[stem]
    solutions = {e.cell.id: e.solution for e in chapter.exercises()}
    with session(chapter) as kernel:
        ran.first = {cell.id: kernel.run(cell) for cell in chapter.code}
        yield "first"
        ran.changes = [(edit, follow(kernel, chapter, edit)) for edit in suggested(stem, chapter.cells)]
        yield "changes"
        for exercise in chapter.exercises():
            cells = chapter.section_of(exercise)
            for i, answer in enumerate(ANSWERS):
                if answer.exercise == exercise.number:
                    sources = {exercise.cell.id: source_of(answer, exercise)}
                    ran.answers[i] = [kernel.run(cell, sources.get(cell.id)) for cell in cells]
            ran.solutions[exercise.number] = [kernel.run(cell, solutions.get(cell.id)) for cell in cells]
        yield "answers"
        # First with the exercises solved, then as the chapter stands.
        for name, order in ORDERS.items():
            ran.again[name] = [kernel.run(cell, solutions.get(cell.id)) for cell in order(chapter.code)]
            solutions = {}
        kernel.run(chapter.code[-1], "System.gc(); Thread.sleep(500);")  # what nobody can call any more ends
        ran.left = [name for _, name in children_of(kernel.pid)]
        yield "again"


def follow(kernel, chapter, edit):
    """Runs a cell as a reader changed it, and the code cells below it that belong to it; then it is put back."""
    begin = next(i for i, cell in enumerate(chapter.cells) if cell.id == edit.cell)
    below = itertools.takewhile(lambda cell: not cell.source.startswith("#"), chapter.cells[begin + 1 :])
    ran = [kernel.run(chapter.cells[begin], changed(chapter.cells[begin], edit))]
    ran += [kernel.run(cell) for cell in below if cell.cell_type == "code"]
    kernel.run(chapter.cells[begin])
    return ran


class Runs:
    """The chapters' runs. Each goes as far as it was asked for, whichever test asks first."""

    def __init__(self):
        self._known = {}

    def of(self, stem, stage):
        if stem not in self._known:
            ran = Ran()
            self._known[stem] = [ran, stages(stem, ran), set(), None]
        run = self._known[stem]
        ran, going, done, problem = run
        try:
            while problem is None and stage not in done:
                done.add(next(going))
                if "again" in done:
                    going.close()  # and with it the kernel
        except Exception as e:  # a dead kernel, a cell without end: for each test that needs it
            problem = run[3] = e
        if problem is not None and stage not in done:
            raise AssertionError(f"{stem} could not be run: {problem}") from problem
        return ran

    def close(self):
        for _, going, *_ in self._known.values():
            going.close()


@pytest.fixture(scope="module")
def runs():
    runs = Runs()
    yield runs
    runs.close()


def source_of(answer, exercise):
    """The cell that a reader with this answer would have."""
    source = answer.source or exercise.solution
    for old, new in answer.replace.items():
        assert old in exercise.solution, f"answers: the solution of {exercise.number} has no {old!r}"
    if answer.replace:
        # All at once, so that one replacement does not find another's result.
        pattern = "|".join(re.escape(old) for old in sorted(answer.replace, key=len, reverse=True))
        source = re.sub(pattern, lambda m: answer.replace[m[0]], source)
    return source


# ---------------------------------------------------------------- top to bottom


@each_chapter
def test_errors_only_where_they_are_meant(runs, stem):
    first = runs.of(stem, "first").first
    wrong = misplaced_errors(first.values())
    assert not wrong, "\n".join(wrong)


def misplaced_errors(cells):
    """A report of each cell that fails and is not tagged so, or the other way round."""
    return [report(cell) for cell in cells if bool(error_of(cell)) != ("raises-exception" in tags(cell))]


def report(cell):
    what = "failed" if error_of(cell) else "did not fail, as it is tagged"
    return f"{cell.id} {what}:\n{cell.source}\n--\n{outputs_of(cell)}"


def differences(cells, outputs):
    """What differs between the cells' outputs and a chapter's table."""
    wrong = [f"{name}: no such cell" for name in outputs if name not in cells]
    for name, cell in cells.items():
        text = outputs_of(cell)
        patterns = outputs.get(name, [])
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            if not re.search(pattern, text, re.MULTILINE):
                wrong.append(f"{name}: no {pattern!r} in\n{text}")
        if text.strip() and not patterns and not {"exercise", "check"} & set(tags(cell)):
            wrong.append(f"{name}: OUTPUTS does not say what this is to be:\n{text}")
    return wrong


def run_elsewhere(stem, left_out=lambda name, text: False):
    """Runs a chapter in a kernel of other surroundings, and says what is wrong with it; some outputs may be left out."""
    chapter = CHAPTERS[stem]
    with session(chapter) as kernel:
        ran = {cell.id: kernel.run(cell) for cell in chapter.code}
    there = {name: cell for name, cell in ran.items() if not left_out(name, outputs_of(cell))}
    left = ran.keys() - there.keys()
    outputs = {name: text for name, text in expected.of(stem).OUTPUTS.items() if name not in left}
    return misplaced_errors(ran.values()) + differences(there, outputs)


@each_chapter
def test_outputs(runs, stem):
    first = runs.of(stem, "first").first
    wrong = differences(first, expected.of(stem).OUTPUTS)
    assert not wrong, "\n\n".join(wrong)


def test_the_comparison_can_fail():
    class Cell(dict):
        __getattr__ = dict.__getitem__

    def cell(text, *words):
        output = Cell(output_type="stream", text=text)
        return Cell(outputs=[output] if text else [], metadata={"tags": list(words)})

    assert differences({"a": cell("42\n")}, {"a": r"\A42\n\Z"}) == []
    assert differences({"a": cell("", "exercise")}, {}) == []
    assert differences({"a": cell("41\n")}, {"a": r"\A42\n\Z"})
    assert differences({"a": cell("")}, {"a": "42"})
    assert differences({"a": cell("42")}, {}), "an output that nobody expects"
    assert differences({}, {"a": "42"}), "a cell that is not there"
    assert differences({"a": cell("42")}, {"a": ["4", "3"]})


@each_chapter
def test_output_of_native_code_stands_under_its_cell(runs, stem):
    """What chapter 03 is about: the line appears under each cell that swaps, and under no other."""
    first = runs.of(stem, "first").first
    line = "I LOVE WAKING UP ON A NEW STACK!"
    for name, cell in first.items():
        printed = [o.text for o in cell.outputs if o.output_type == "stream" and line in o.text]
        calls = re.search(r"swap_on\(|swap_once\(|stack_used_by\w*\(|wake_up\(|run_on\(|swap_wrongly\(", cell.source)
        assert not printed or calls, f"{name} shows the line and calls nothing that prints it"
    if stem.startswith("03"):
        assert line in outputs_of(first["swap-run"])


@each_chapter
def test_figures_can_be_read_by_everyone(runs, stem):
    first = runs.of(stem, "first").first
    for name, cell in first.items():
        for output in cell.outputs:
            data = output.get("data", {})
            assert "image/svg+xml" not in data, f"{name}: JupyterLab refuses an SVG until the notebook is trusted"
            if "text/html" in data:
                assert data.get("text/plain", "").strip(), f"{name}: no text twin"
                assert re.search(r"aria-label=\"[^\"]+\"|<caption|alt=\"[^\"]+\"", data["text/html"]), f"{name}: no alt"
                # A player may have a script, if all it shows stands in a table without it.
                before, script, _ = data["text/html"].partition("<script")
                assert not script or "<table" in before, f"{name}: nothing to read without its script"


@each_chapter
def test_nothing_is_left_running(runs, stem):
    """But a process for each library that the chapter or a check loads: some cells have been the reader's by then. A
    variable that was declared again may keep what it had until JShell lets it go."""
    left = runs.of(stem, "again").left
    loads = sum(len(re.findall(r"\bLab\.load\(|\.bind\(|\.check\(", cell.source)) for cell in CHAPTERS[stem].code)
    assert set(left) <= {"host"} and len(left) <= 2 * loads, f"{left}, {loads} loads"


# ---------------------------------------------------------------- what the chapters suggest


@each_chapter
def test_every_suggestion_is_tried(stem):
    assert not unlisted(stem, CHAPTERS[stem].cells), "EDITS, PROSE or NO_CHANGE does not know these"


@each_chapter
def test_suggested_changes_do_what_is_said(runs, stem):
    changes = runs.of(stem, "changes").changes
    wrong = [problem for edit, cells in changes for problem in problems(edit, cells)]
    assert not wrong, "\n\n".join(wrong)


def problems(edit, cells):
    """What is wrong with the outputs of a changed cell and those below it."""
    text = "\n".join(outputs_of(cell) for cell in cells)
    failed = any(error_of(cell) for cell in cells) or re.search(FAULT, text) is not None
    what = f"{edit.cell} with {edit.change}"
    if failed != edit.fails and not (edit.fails and edit.says and re.search(edit.says, text)):
        yield f"{what} {'fails' if failed else 'does not fail'}:\n{text}"
    if not re.search(edit.says, text):
        yield f"{what}: no {edit.says!r} in\n{text}"


def test_suggestions_are_found_and_missed_ones_are_told():
    def cell(name, kind, source):
        return nbformat.NotebookNode(id=name, cell_type=kind, source=source, metadata={})

    knob = cell("k", "code", 'long size = 16 * 1024;   // in bytes; try 1 << 20, 20_001, and 8 * 1024')
    assert [edit.change[knob.source].split(";")[0] for edit in knobs("99", knob)] == [
        "long size = 1 << 20", "long size = 20_001", "long size = 8 * 1024"]
    word = cell("w", "code", 'String level = "-O1";   // try -Os, -O3')
    assert [edit.change[word.source].split(";")[0] for edit in knobs("99", word)] == ['String level = "-Os"', 'String level = "-O3"']
    assert values('{1}, {0, 0, 9}') == ["{1}", "{0, 0, 9}"]
    assert values('"a, b" or "c"') == ['"a, b"', '"c"']
    assert values("a large array here") is None
    assert unlisted("99", [knob, word]) == []
    assert unlisted("99", [cell("c", "code", "    ;  /* try: yield_thread(); */")])
    assert unlisted("99", [cell("p", "markdown", "Then try `64 * id`.")])
    assert not unlisted("99", [cell("j", "code", "try {\n} catch (Exception e) {\n}")])


# ---------------------------------------------------------------- again


def is_clear(error):
    """An error that tells a reader what to do: a sentence of the lab or the chapter, no accident of Java's."""
    first = error.strip().splitlines()[0]
    if first.startswith("IllegalStateException: "):  # what chapters throw to say which cell comes first
        return True
    return "Exception" not in first and not first.startswith("|")


@pytest.mark.parametrize("order", ORDERS)
@each_chapter
def test_any_cell_can_be_run_again(runs, stem, order):
    """From bottom to top each cell finds all that is above it; shuffled, it may have been reset, and must say so."""
    wrong = []
    for cell in runs.of(stem, "again").again[order]:
        error, meant = error_of(cell), "raises-exception" in tags(cell)
        if meant and not error:
            wrong.append(report(cell))
        if error and not meant and ("shuffled" not in order or not is_clear(error)):
            wrong.append(report(cell))
    assert not wrong, "\n".join(wrong)


def test_clear_errors_are_told_from_others():
    assert is_clear("IllegalStateException: No price yet: run the cell above")
    assert is_clear("cell mine does not compile: gcc 12.2.0 found 1 error.\n\nmine.c:1:1: error")
    assert not is_clear("NullPointerException: Cannot invoke X because y is null")
    assert not is_clear("|   foo();\ncannot find symbol")


# ---------------------------------------------------------------- exercises


@each_exercise
def test_unsolved_exercise_is_not_right_yet(runs, number):
    stem, exercise = EXERCISES[number]
    text = outputs_of(runs.of(stem, "first").first[exercise.check.id])
    assert f"✘ {number} Not yet" in text, text
    assert "Correct" not in text
    assert re.search(r"expected +actual +likely cause", text), text


@each_exercise
def test_solution_is_right(runs, number):
    stem, _ = EXERCISES[number]
    *before, check = runs.of(stem, "answers").solutions[number]
    assert not any(error_of(cell) for cell in before), "\n".join(outputs_of(cell) for cell in before)
    assert f"✔ {number} Correct" in outputs_of(check), outputs_of(check)


@each_chapter
def test_solutions_harm_nothing_else(runs, stem):
    """All cells run once more after the solutions, those with the solutions in them too."""
    again = runs.of(stem, "again").again["again, from bottom to top"]
    ran = {cell.id: cell for cell in again}
    for exercise in CHAPTERS[stem].exercises():
        assert ran[exercise.cell.id].source == exercise.solution
    wrong = misplaced_errors(again)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "number, i",
    [(answer.exercise, i) for i, answer in enumerate(ANSWERS)],
    ids=[f"{a.exercise}: {a.says or 'right'}" for a in ANSWERS],
)
def test_answer_is_judged(runs, number, i):
    """A right answer is accepted; a wrong one is told its cause."""
    answer = ANSWERS[i]
    assert number in EXERCISES, "no such exercise"
    stem, _ = EXERCISES[number]
    *before, check = runs.of(stem, "answers").answers[i]
    assert not any(error_of(cell) for cell in before), "\n".join(outputs_of(cell) for cell in before)
    text = outputs_of(check)
    if answer.is_right:
        assert f"✔ {answer.exercise} Correct" in text, text
    else:
        assert f"✘ {answer.exercise} Not yet" in text, text
        assert re.search(answer.says, " ".join(text.split())), text


@each_exercise
def test_answers_are_many(number):
    """Three right ones, written differently, with the solution; eight wrong ones of different kinds."""
    mine = [answer for answer in ANSWERS if answer.exercise == number]
    right = [answer for answer in mine if answer.is_right]
    assert len(right) + 1 >= 3, f"answers: {number} has {len(right)} right ones beside the solution"
    assert len(mine) - len(right) >= 8, f"answers: {number} has {len(mine) - len(right)} wrong ones"
    written = {" ".join(source_of(answer, EXERCISES[number][1]).split()) for answer in mine}
    assert len(written) == len(mine), f"answers: {number} has the same answer twice"
