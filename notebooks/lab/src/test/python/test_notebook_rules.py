"""Every chapter keeps every rule; and every rule can be broken, which a chapter written for it shows."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from chapters import Chapter, chapter_paths
from notebook_rules import RULES
from project import NOTEBOOKS

PATHS = [path for path in chapter_paths() if path.stem[0].isdigit()]


def test_there_are_chapters():
    assert [path.stem[:2] for path in PATHS] == [f"{i:02}" for i in range(len(PATHS))] and len(PATHS) >= 4


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_chapter_keeps(rule, path):
    assert rule(Chapter.read(path)) == []


# ---------------------------------------------------------------- the rules themselves


TITLE = """# 07 A chapter

Where does it go?

- **You will build** one. See [Start here](00-start-here.ipynb).
- **You will be able to explain** it, with `printf("%d", 1)`, `native/arch/arch.h`, `native/NN-name.c` and `add(1, 2)`.
- **You need** `Lab.load("x")`.
"""

WAY_ON = (
    "← [06 Threads and a scheduler](06-threads-and-a-scheduler.ipynb) · [08 Other machines](08-other-machines.ipynb) →"
)

SOLUTION = """<details><summary>Hint 1</summary>

Think.

</details>
<details><summary>Solution</summary>

```{language}
{code}
```

</details>"""


def exercise(number, java):
    name = f"ex{number}"
    code = f"%%c mine{number}\nint f(void) {{ return 0; /* your answer here */ }}"
    if java:
        code = f"int answer{number} = /* your answer here */ 0;"
    meta = {"exercise": f"07.{number}"}
    return [
        new_markdown_cell(f"## Exercise 07.{number}: {name}\n\nIt matters.", id=f"{name}-about"),
        new_code_cell(code, id=name, metadata={"tags": ["exercise"], "green_threads": meta}),
        new_code_cell(
            f'Exercise.check("07.{number}"{", answer1" if java else ""});',
            id=f"{name}-check",
            metadata={"tags": ["check"], "green_threads": meta},
        ),
        new_markdown_cell(
            SOLUTION.format(
                language="java" if java else "c", code=code.replace(" /* your answer here */", "")
            ),
            id=f"{name}-solution",
            metadata={"tags": ["solution"]},
        ),
    ]


def good():
    """A small chapter that keeps every rule."""
    cells = [
        new_markdown_cell(TITLE, id="title"),
        new_code_cell("%load lab/start.jshell", id="load"),
        new_markdown_cell("## One\n\n### Two\n\n**Predict.** What?", id="one"),
        new_code_cell('var local = 1;\nString.format("%d =%d", local, 7 % 2)', id="one-run"),
        new_markdown_cell("Text.\n\n**Predict.** And now?", id="two"),
        new_code_cell("throw new Error();", id="two-run", metadata={"tags": ["raises-exception"]}),
        new_markdown_cell("It failed.\n\n**Predict.** And this?", id="three"),
        new_code_cell("void f() { var hidden = 2; }", id="three-run"),
        new_markdown_cell("## Experiment", id="experiment-about"),
        new_code_cell("int hidden = 3;", id="experiment", metadata={"tags": ["experiment"]}),
        *exercise(1, java=True),
        *exercise(2, java=False),
        new_markdown_cell("## Recap\n\n- a\n- b\n- c", id="recap"),
        new_markdown_cell(f"## Next\n\nWhy?\n\n{WAY_ON}", id="next"),
    ]
    spec = {"name": "java", "language": "java", "display_name": "Java (green threads)"}
    book = new_notebook(cells=cells, metadata={"kernelspec": spec})
    book.nbformat_minor = 5
    return Chapter(book, "07-a-chapter", NOTEBOOKS)


def cell(chapter, name):
    return next(c for c in chapter.cells if c.id == name)


def replace(name, old, new):
    def change(chapter):
        source = cell(chapter, name).source
        assert old in source
        cell(chapter, name).source = source.replace(old, new)

    return change


def set_tags(name, *words):
    return lambda chapter: cell(chapter, name).metadata.update(tags=list(words))


def remove(name):
    return lambda chapter: chapter.cells.remove(cell(chapter, name))


BREAK = [
    ("valid", lambda c: c.cells[0].pop("source")),
    ("valid", lambda c: c.book.update(nbformat_minor=4)),
    ("without_outputs", lambda c: cell(c, "one-run").update(execution_count=3)),
    ("without_outputs", lambda c: cell(c, "one-run").update(outputs=[{"output_type": "stream"}])),
    ("kernel_is_java", lambda c: c.book.metadata.kernelspec.update(name="java25")),
    ("begins_with_title_and_load", replace("title", "# 07", "# 08")),
    ("begins_with_title_and_load", replace("title", "?", ".")),
    ("begins_with_title_and_load", replace("load", "%load lab", "%load ../lab")),
    ("begins_with_title_and_load", replace("title", "**You need**", "You need")),
    ("headings_nest", replace("one", "### Two", "#### Two")),
    ("headings_nest", replace("one", "## One", "# One")),
    ("ids_are_names", lambda c: cell(c, "two").update(id="1f2e3d4c")),
    ("ids_are_names", lambda c: cell(c, "two").update(id="one")),
    ("ids_are_names", lambda c: cell(c, "two").update(id="Two_1")),
    ("cells_are_short", replace("one-run", "var", "\n" * 20 + "var")),
    ("cells_are_not_empty", lambda c: cell(c, "three-run").update(source=" \n")),
    ("no_var_across_cells", replace("three-run", "var hidden", "int h = local; var hidden")),
    ("no_var_across_cells", replace("one-run", "var local", "var hidden")),
    ("magics_do_no_harm", replace("one-run", "String", 'String s = """\n%d\n""";\nString')),
    ("magics_do_no_harm", replace("one-run", "String", "int x =%local; //")),
    ("magics_do_no_harm", replace("one-run", "String", "// a =%d\nString")),
    ("magics_do_no_harm", replace("one-run", "String", "%maven a:b:1\nString")),
    ("has_a_question_at_the_end", replace("recap", "## Recap", "## Summary")),
    ("has_a_question_at_the_end", replace("recap", "\n- b", "")),
    ("has_a_question_at_the_end", replace("next", "?", ".")),
    ("ends_with_the_way_on", replace("next", WAY_ON, "")),
    ("ends_with_the_way_on", replace("next", "08-other", "07-other")),
    ("predictions_come_before_runs", replace("two", "**Predict.**", "Predict.")),
    ("predictions_come_before_runs", replace("recap", "- a", "**Predict.** a\n\n- a")),
    ("has_experiments", set_tags("experiment")),
    ("tags_are_known", set_tags("experiment", "experiment", "experimental")),
    ("titles_of_folds_are_html", replace("ex1-solution", "Hint 1", "Hint `1`")),
    ("tags_are_known", set_tags("two", "exercise")),
    ("exercises_are_whole", remove("ex1-check")),
    ("exercises_are_whole", remove("ex2-solution")),
    ("exercises_are_whole", remove("ex2-about")),
    ("exercises_are_whole", set_tags("ex2")),
    ("exercises_are_whole", replace("ex1", "/* your answer here */", "")),
    ("exercises_are_whole", replace("ex1-solution", "int answer1 = 0", "int answer1 = /* your answer here */ 0")),
    ("exercises_are_whole", replace("ex2-solution", "%%c mine2", "%%c mine")),
    ("exercises_are_whole", replace("ex2-solution", "```c", "```")),
    ("exercises_are_whole", replace("ex2-solution", "Hint 1", "Hint")),
    ("exercises_are_whole", replace("ex1-check", "07.1", "07.2")),
    ("exercises_are_whole", replace("ex1-check", "Exercise.check", 'System.out.println("✔"); Exercise.check')),
    ("exercises_are_whole", replace("ex2-check", ");", ").verdict();")),
    ("exercises_are_whole", lambda c: cell(c, "ex2-check").metadata.update(green_threads={"exercise": "07.1"})),
    ("errors_are_explained", lambda c: (remove("three")(c), remove("experiment-about")(c))),
    ("links_resolve", replace("title", "00-start-here.ipynb", "00-begin.ipynb")),
    ("links_resolve", replace("title", "00-start-here.ipynb", "#Three")),
    ("quoted_code_exists", replace("title", "`printf(", "`printg(")),
    ("quoted_code_exists", replace("title", "arch/arch.h", "arch/arch.hh")),
    ("quoted_code_exists", replace("title", "`Lab.load(", "`Lab.lode(")),
    ("quoted_code_exists", replace("title", "`add(1, 2)`", "`no_such_name`")),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_good_chapter_keeps(rule):
    assert rule(good()) == []


@pytest.mark.parametrize("name, change", BREAK, ids=[f"{i}-{name}" for i, (name, _) in enumerate(BREAK)])
def test_rule_can_be_broken(name, change):
    chapter = good()
    change(chapter)
    rule = next(rule for rule in RULES if rule.__name__ == name)
    assert rule(chapter) != [], "the rule does not notice"


def test_every_rule_is_broken_once():
    assert {name for name, _ in BREAK} == {rule.__name__ for rule in RULES}
