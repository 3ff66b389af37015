"""The rules a chapter keeps. Each takes a Chapter and returns what is wrong, a sentence each; nothing if it is right."""

import ctypes
import functools
import re

import nbformat

import expected
from chapters import (
    HOLE,
    chapter_paths,
    fenced_blocks,
    folds,
    number_of,
    solution_in,
    tags,
    without_fences,
)
from project import LAB, NATIVE, ROOT, files, text_of

KNOWN_TAGS = {"experiment", "exercise", "check", "solution", "raises-exception"}
LONGEST_CELL = 20


def valid(chapter):
    try:
        nbformat.validate(chapter.book)
    except nbformat.ValidationError as e:
        return [f"not a valid notebook: {str(e).splitlines()[0]}"]
    if (chapter.book.nbformat, chapter.book.nbformat_minor) < (4, 5):
        return ["cells have ids only from notebook format 4.5 on"]
    return []


def without_outputs(chapter):
    return [
        f"{cell.id}: stored with output or a count: run `jupyter nbconvert --clear-output --inplace`"
        for cell in chapter.code
        if cell.outputs or cell.execution_count is not None
    ]


def kernel_is_java(chapter):
    spec = chapter.book.metadata.get("kernelspec", {})
    wanted = {"name": "java", "language": "java", "display_name": "Java (green threads)"}
    return [f"kernelspec {k} is {spec.get(k)!r}, not {v!r}" for k, v in wanted.items() if spec.get(k) != v]


def begins_with_title_and_load(chapter):
    wrong = []
    first, second = chapter.cells[0], chapter.cells[1]
    number = chapter.stem[:2]
    if first.cell_type != "markdown" or not re.match(rf"# {number} \S", first.source):
        wrong.append(f"the first cell must be Markdown and begin with `# {number} Title`")
    if second.cell_type != "code" or second.source.strip() != "%load lab/start.jshell":
        wrong.append("the second cell must be `%load lab/start.jshell`")
    for promise in ("You will build", "You will be able to explain", "You need"):
        if f"**{promise}**" not in first.source:
            wrong.append(f"the first cell does not say **{promise}**")
    if "?" not in first.source:
        wrong.append("the first cell asks no question")
    return wrong


def headings(chapter):
    """Level, text and cell of every heading."""
    return [
        (len(m[1]), m[2].strip(), cell)
        for cell in chapter.markdown
        for m in re.finditer(r"^(#{1,6})[ \t]+(.+?)[ \t]*$", without_fences(cell.source), re.MULTILINE)
    ]


def headings_nest(chapter):
    wrong, before = [], 0
    for level, text, cell in headings(chapter):
        if level > before + 1:
            wrong.append(f"{cell.id}: heading {text!r} is of level {level} after one of level {before}")
        if level == 1 and before:
            wrong.append(f"{cell.id}: a second title: {text!r}")
        before = level
    return wrong


def ids_are_names(chapter):
    wrong = []
    seen = set()
    for cell in chapter.cells:
        if cell.id in seen:
            wrong.append(f"{cell.id}: there twice")
        seen.add(cell.id)
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id) or re.fullmatch(r"[0-9a-f]{8}(-.*)?", cell.id):
            wrong.append(f"{cell.id}: not a name that a person gave")
    return wrong


def cells_are_short(chapter):
    return [
        f"{cell.id}: {len(cell.source.splitlines())} lines, more than {LONGEST_CELL}"
        for cell in chapter.code
        if len(cell.source.splitlines()) > LONGEST_CELL
    ]


def cells_are_not_empty(chapter):
    return [f"{cell.id}: empty" for cell in chapter.cells if not cell.source.strip()]


def is_java(cell):
    return cell.cell_type == "code" and not cell.source.lstrip().startswith("%%")


JAVA_TOKENS = re.compile(
    r'"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.DOTALL
)


def java_without_text(source):
    """Java with strings and comments blanked out, so that words in them do not count."""
    return JAVA_TOKENS.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), source)


def top_level(source):
    """Java outside of all braces and parentheses."""
    depth, out = 0, []
    for c in java_without_text(source):
        depth -= c in ")}"
        out.append(c if depth == 0 else " ")
        depth += c in "({"
    return "".join(out)


def no_var_across_cells(chapter):
    """Editing a cell silently resets the `var`s of later cells that depend on it."""
    wrong = []
    java = [cell for cell in chapter.code if is_java(cell)]
    for cell in java:
        for name in re.findall(r"\bvar\s+(\w+)", top_level(cell.source)):
            for other in java:
                if other is not cell and re.search(rf"\b{name}\b", java_without_text(other.source)):
                    wrong.append(f"{cell.id}: `var {name}` is used in {other.id}: give it a type")
    return wrong


# As IJava 1.3.0 has it: a line magic begins a line, or follows an equals sign; text in quotes is spared, if
# the quotes of the line so far are paired. It does not see comments, and no quotes of earlier lines.
LINE_MAGIC = re.compile(r"(?:^|(?<==))\s*%(\w.*?)$", re.MULTILINE)
UNESCAPED_QUOTE = re.compile(r'(?<!\\)"')


def magics_do_no_harm(chapter):
    wrong = []
    for cell in chapter.code:
        if not is_java(cell):
            continue
        for m in LINE_MAGIC.finditer(cell.source):
            at = m.start(1) - 1
            line = cell.source[cell.source.rfind("\n", 0, at) + 1 : at]
            inside_text = any(t.start() < at < t.end() for t in JAVA_TOKENS.finditer(cell.source))
            if len(UNESCAPED_QUOTE.findall(line)) % 2:
                continue  # IJava takes it for text
            if inside_text or m[1].split()[0] != "load" or line:
                wrong.append(f"{cell.id}: the kernel would take `%{m[1]}` for a magic and replace it")
    return wrong


def has_a_question_at_the_end(chapter):
    second_level = [text for level, text, _ in headings(chapter) if level == 2]
    wrong = []
    if second_level[-2:] != ["Recap", "Next"]:
        wrong.append("the last two sections must be `## Recap` and `## Next`")
    recap = [cell for level, text, cell in headings(chapter) if text == "Recap"]
    if recap and len(re.findall(r"^- ", recap[0].source, re.MULTILINE)) < 3:
        wrong.append("the recap has less than three lines, one idea each")
    following = [cell for level, text, cell in headings(chapter) if text == "Next"]
    if following and "?" not in following[0].source:
        wrong.append("`## Next` asks no question")
    return wrong


def title_of(chapter):
    return chapter.cells[0].source.partition("\n")[0].removeprefix("# ")


def ends_with_the_way_on(chapter):
    """The last line leads to the chapters on both sides, by their titles."""
    paths = [path for path in chapter_paths() if path.stem[0].isdigit()]
    number = chapter.stem[:2]
    ways = []
    for before in [path for path in paths if path.stem[:2] < number][-1:]:
        ways.append(f"← [{title_of(type(chapter).read(before))}]({before.name})")
    for after in [path for path in paths if path.stem[:2] > number][:1]:
        ways.append(f"[{title_of(type(chapter).read(after))}]({after.name}) →")
    wanted = " · ".join(ways)
    last = chapter.cells[-1]
    if last.cell_type != "markdown" or last.source.splitlines()[-1] != wanted:
        return [f"{last.id}: the last line must be {wanted}"]
    return []


PREDICTION = re.compile(r"^\*\*Predict\.\*\*", re.MULTILINE)


def predictions_come_before_runs(chapter):
    wrong, count = [], 0
    for i, cell in enumerate(chapter.cells):
        if cell.cell_type != "markdown" or not PREDICTION.search(without_fences(cell.source)):
            continue
        count += 1
        if i + 1 == len(chapter.cells) or chapter.cells[i + 1].cell_type != "code":
            wrong.append(f"{cell.id}: no code cell follows the prediction")
    if count < 3:
        wrong.append(f"only {count} predictions")
    return wrong


def has_experiments(chapter):
    if chapter.tagged("experiment"):
        return []
    return ["no cell is tagged `experiment`"]


def tags_are_known(chapter):
    wrong = []
    for cell in chapter.cells:
        for tag in tags(cell):
            if tag not in KNOWN_TAGS:
                wrong.append(f"{cell.id}: unknown tag `{tag}`")
            elif (cell.cell_type == "markdown") != (tag == "solution"):
                wrong.append(f"{cell.id}: tag `{tag}` on a {cell.cell_type} cell")
    return wrong


def sections_before(chapter, cell):
    """The headings between a cell and the code cell tagged `check` before it."""
    found = []
    for other in reversed(chapter.cells[: chapter.cells.index(cell)]):
        if "check" in tags(other):
            break
        found += [text for _, text, at in headings(chapter) if at is other]
    return found


def exercises_are_whole(chapter):
    wrong = []
    exercises = chapter.exercises()
    number = chapter.stem[:2]
    if len(exercises) < 2:
        wrong.append(f"{len(exercises)} exercises, there must be two")
    wanted = [f"{number}.{i}" for i in range(1, len(exercises) + 1)]
    if [e.number for e in exercises] != wanted:
        wrong.append(f"the exercises are numbered {[e.number for e in exercises]}, not {wanted}")
    for e in exercises:
        if not any(text.startswith(f"Exercise {e.number}") for text in sections_before(chapter, e.cell)):
            wrong.append(f"{e.cell.id}: no heading `Exercise {e.number}` stands before it")
        if e.cell.source.count(HOLE) != 1:
            wrong.append(f"{e.cell.id}: {e.cell.source.count(HOLE)} holes `{HOLE}`, there must be one")
        if e.check is None:
            wrong.append(f"{e.cell.id}: no check follows the exercise")
        else:
            if number_of(e.check) != e.number:
                wrong.append(f"{e.check.id}: belongs to {number_of(e.check)}, not to {e.number}")
            if not re.fullmatch(rf'Exercise\.check\("{re.escape(e.number)}"(, [^;]+)?\);', e.check.source):
                wrong.append(f"{e.check.id}: is not one call, `Exercise.check(\"{e.number}\");`")
        wrong += solution_is_whole(e)
    for cell in chapter.tagged("solution"):
        names = [summary for summary, _ in folds(cell.source)]
        if names[-1:] != ["Solution"] or names[:-1] != [f"Hint {i}" for i in range(1, len(names))] or len(names) < 2:
            wrong.append(f"{cell.id}: folds are {names}, not Hint 1, …, Solution")
        if solution_in(cell) is None:
            wrong.append(f"{cell.id}: the solution must hold one fenced block, java or c")
    return wrong


def solution_is_whole(exercise):
    if exercise.solution is None:
        return [f"{exercise.cell.id}: no solution follows the exercise"]
    first = exercise.cell.source.splitlines()[0]
    if first.startswith("%%") and exercise.solution.splitlines()[0] != first:
        return [f"{exercise.cell.id}: the solution must begin with the exercise's first line, `{first}`"]
    if "your answer here" in exercise.solution:
        return [f"{exercise.cell.id}: the solution still has the hole"]
    return []


def errors_are_explained(chapter):
    """A cell that fails on purpose is followed by prose that reads its message, before the next section."""
    wrong = []
    for i, cell in enumerate(chapter.cells):
        if "raises-exception" not in tags(cell):
            continue
        rest = chapter.cells[i + 1 : i + 3]
        if not any(c.cell_type == "markdown" and not c.source.startswith("#") for c in rest):
            wrong.append(f"{cell.id}: no text reads the error that the cell shows")
    return wrong


# ---------------------------------------------------------------- prose and code in step


LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s]+)\)")


def links_resolve(chapter):
    wrong = []
    for cell in chapter.markdown:
        for target in LINK.findall(without_fences(cell.source)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (chapter.folder / path).resolve() if path else None
            if file is not None and not file.exists():
                wrong.append(f"{cell.id}: the link {target} leads nowhere")
                continue
            if anchor and (file is None or file.suffix == ".ipynb"):
                book = chapter if file is None else type(chapter).read(file)
                if anchor not in {text.replace(" ", "-") for _, text, _ in headings(book)}:
                    wrong.append(f"{cell.id}: the link {target} names no heading")
    return wrong


SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


def quoted(cell):
    """What a Markdown cell quotes as code, in line."""
    return [m[2].strip() for m in SPAN.finditer(without_fences(cell.source))]


@functools.cache
def native_text():
    return "\n".join(
        path.read_text(encoding="utf-8") for path in sorted(NATIVE.rglob("*")) if path.suffix in {".c", ".h", ".S"} and ".ipynb_checkpoints" not in path.parts
    )


@functools.cache
def lab_text():
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((LAB / "src" / "main").rglob("*.java")))


@functools.cache
def project_names():
    """Every word of the project's own sources: lab, native code, build files."""
    words = set()
    for path in files():
        if path.suffix not in {".ipynb", ".md", ".txt", ".py"}:
            words |= set(re.findall(r"\w+", text_of(path) or ""))
    return words


def in_c_library(name):
    return hasattr(ctypes.CDLL(None), name)


def names_in_code(chapter):
    """Every word in a chapter's code: its cells, and the solutions that may replace them."""
    words = set()
    for cell in chapter.code:
        words |= set(re.findall(r"\w+", cell.source))
    for cell in chapter.markdown:
        for _, block in fenced_blocks(cell.source):
            words |= set(re.findall(r"\w+", block))
    return words


CALL = re.compile(r"(?:(\w+)\.)?(\w+)\(.*\)", re.DOTALL)
SNAKE = re.compile(r"[A-Za-z]\w*_\w+")
SOURCE_PATH = re.compile(r"(?:\.\./)?((?:native|arch|notebooks|lab)/[\w./*-]+|\w[\w-]*\.(?:c|h|sh|ipynb|jshell))")
PLACEHOLDER = re.compile(r"NN-|NAME|CHAPTER|\*|…")


def quoted_code_exists(chapter):
    """A function, a file or a name with an underscore that prose quotes is to be found in the code."""
    wrong = []
    in_cells = names_in_code(chapter)
    in_native = set(re.findall(r"\w+", native_text()))
    foreign = expected.of(chapter.stem).FOREIGN
    for cell in chapter.markdown:
        for code in quoted(cell):
            call, path = CALL.fullmatch(code), SOURCE_PATH.fullmatch(code)
            if call and call[1] == "Lab":
                if not re.search(rf"public static .*\b{call[2]}\(", lab_text()):
                    wrong.append(f"{cell.id}: `{code}`: the lab has no {call[2]}")
            elif call and call[1] is None:
                name = call[2]
                known = name in in_cells or name in in_native or in_c_library(name) or name in foreign
                if not known:
                    wrong.append(f"{cell.id}: `{code}`: no such function in native/ or in this chapter")
            elif path and not PLACEHOLDER.search(code):
                if not any((folder / path[1]).exists() for folder in (ROOT, NATIVE, ROOT / "notebooks", LAB)):
                    wrong.append(f"{cell.id}: `{code}`: no such file")
            elif SNAKE.fullmatch(code):
                known = code in in_cells or code in project_names() or in_c_library(code) or code in foreign
                if not known:
                    wrong.append(f"{cell.id}: `{code}`: no such name in the code")
    return wrong


def titles_of_folds_are_html(chapter):
    """A fold's title stands in HTML, where Markdown's marks are shown as they are."""
    return [f"{cell.id}: `{title}` has Markdown in it: write <code> or <em>"
            for cell in chapter.markdown for title, _ in folds(cell.source) if re.search(r"[`*]", title)]  # fmt: skip


RULES = [
    valid,
    without_outputs,
    kernel_is_java,
    begins_with_title_and_load,
    headings_nest,
    ids_are_names,
    cells_are_short,
    cells_are_not_empty,
    no_var_across_cells,
    magics_do_no_harm,
    has_a_question_at_the_end,
    ends_with_the_way_on,
    predictions_come_before_runs,
    has_experiments,
    tags_are_known,
    exercises_are_whole,
    titles_of_folds_are_html,
    errors_are_explained,
    links_resolve,
    quoted_code_exists,
]
