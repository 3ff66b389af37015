"""Begins a chapter: new_chapter.py "Its title" "Its question?"

Takes the next free number, and writes what ADDING-A-CHAPTER.md describes: the notebook, its native file, its
expectations and the checks of its exercises, all of them small, whole and green; the chapter's row in README.md, and
the way on in the chapter before it; and the sums of the native code (ship.py). Writes nothing if anything is there
already. Needs nothing but Python itself.
"""

import json
import re
import sys

sys.dont_write_bytecode = True

from pathlib import Path

import ship

LAB = Path(__file__).resolve().parent
ROOT = LAB.parents[1]
TEMPLATE = LAB / "template"
CHECKS = LAB / "src/main/java/greenthreads/exercises"


class Refused(Exception):
    """Why there is no new chapter, for the reader of the terminal."""


def chapters():
    return sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))


def title_of(path):
    """A chapter's title as its notebook has it, the number first."""
    first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"]
    return "".join(first).partition("\n")[0].removeprefix("# ")


def slug(title):
    """The title as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def filled(template, words):
    text = (TEMPLATE / template).read_text(encoding="utf-8")
    for name, value in words.items():
        if template.endswith(".ipynb"):
            value = json.dumps(value, ensure_ascii=False)[1:-1]
        text = text.replace("{{" + name + "}}", value)
    return text


def with_way_on(path, title, stem):
    """The chapter before, its last line leading to the new one."""
    book = json.loads(path.read_text(encoding="utf-8"))
    last = book["cells"][-1]["source"]
    last[-1] = last[-1] + (" · " if last[-1].startswith("← ") else "") + f"[{title}]({stem}.ipynb) →"
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def with_row(text, title, stem, question):
    """README.md with a row more in its table, the last one."""
    rows = list(re.finditer(r"^\| \[\d\d .*\n", text, re.MULTILINE))
    if not rows:
        raise Refused("README.md has no table of chapters.")
    question = question[0].lower() + question[1:]
    return text[: rows[-1].end()] + f"| [{title}](notebooks/{stem}.ipynb) | {question} |\n" + text[rows[-1].end() :]


def written(title, question):
    """Each file that a new chapter makes or changes, with what it then holds."""
    if not slug(title) or not question.endswith("?"):
        raise Refused('A chapter has a title and a question: new_chapter.py "Its title" "Its question?"')
    before = chapters()[-1]
    number = f"{int(before.stem[:2]) + 1:02}"
    stem, whole = f"{number}-{slug(title)}", f"{number} {title}"
    words = {"number": number, "title": title, "stem": stem, "question": question}
    words["before"] = f"← [{title_of(before)}]({before.name})"
    new = {
        ROOT / f"notebooks/{stem}.ipynb": filled("chapter.ipynb", words),
        ROOT / f"native/{stem}.c": filled("native.c", words),
        LAB / f"src/test/python/expected/chapter{number}.py": filled("expected.py", words),
        CHECKS / f"Chapter{number}.java": filled("Chapter.java", words),
    }
    there = [path for path in new if path.exists()]
    if there:
        raise Refused(f"{there[0].relative_to(ROOT)} is there already.")
    readme = ROOT / "README.md"
    changed = {
        before: with_way_on(before, whole, stem),
        readme: with_row(readme.read_text(encoding="utf-8"), whole, stem, question),
    }
    return number, {**new, **changed}


def main(words):
    try:
        if len(words) != 2:
            raise Refused(__doc__.partition("\n")[0])
        number, files = written(*words)
    except Refused as why:
        print(f"new_chapter.py: {why}", file=sys.stderr)
        return 1
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))
    (ROOT / ship.LIST).write_text(ship.shipped(ROOT), encoding="utf-8", newline="\n")
    print(ship.LIST)
    print(f"Now: ./build.sh test {number}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
