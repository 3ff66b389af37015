"""Records what chapter 08 shows of other machines, for readers who have no tools for them.

    record.py <notebooks> <file>

The chapter's cells are run from top to bottom on a machine that has every cross compiler, qemu and
Wine; then its experiments with every value that they suggest. The library writes down each program
that it runs and each listing that it makes. `./build.sh record` does this; the tests make all of it
anew and compare (test_recorded.py).
"""

import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HEAD = """\
Results of other machines, recorded by ./build.sh record for readers who have no tools for them.
Not to be edited by hand: the tests make all of them anew, and fail if anything differs but
  - the day, the tools' versions, and times,
  - addresses: hexadecimal numbers of more than four digits, and how far into a function one leads,
  - a listing, if another version of the compiler made it.
"""

CHAPTER = "08-other-machines.ipynb"

# What the chapter's experiments suggest to try.
VARIANTS = """
for (String machine : List.of("x86-64, Linux", "AArch64, Linux", "RISC-V 64, Linux", "x86-64, Windows")) {
    for (String chapter : List.of("00-start-here", "02-registers-and-calls", "05-there-and-back",
            "06-threads-and-a-scheduler", "07-the-runtime-in-200-lines", "08-other-machines")) {
        for (String level : List.of("-O0", "-O2")) {
            Lab.target(machine).run(chapter, level);
        }
        Lab.target(machine).run(chapter);
    }
    Lab.target(machine).assembly("05-there-and-back", "work", "-O1");
}
"""


def recorded(notebooks, file):
    """Runs all cells, with this file for what is written down."""
    book = nbformat.read(notebooks / CHAPTER, as_version=4)
    os.environ["GREEN_THREADS_RECORD"] = str(file)
    try:
        client = NotebookClient(
            book, timeout=600, kernel_name="java", allow_errors=True, resources={"metadata": {"path": str(notebooks)}}
        )
        with client.setup_kernel():
            for cell in [c for c in book.cells if c.cell_type == "code"] + [nbformat.v4.new_code_cell(VARIANTS)]:
                client.execute_cell(cell, 0, store_history=True)
                for output in cell.outputs:
                    if output.output_type == "error" and cell.get("id") and cell.source == VARIANTS:
                        raise RuntimeError(f"{output.ename}: {output.evalue}")
    finally:
        del os.environ["GREEN_THREADS_RECORD"]
    return parse(file.read_text(encoding="utf-8"))


def parse(text):
    """The results in a text, by name: lines such as `by …`, and the body."""
    found = {}
    for block in re.split(r"\n(?=\[)", text):
        name, *lines = block.rstrip("\n").split("\n")
        if name.startswith("["):
            facts = dict(line.split(" ", 1) for line in lines[:4])
            body = "\n".join(line[1:] for line in lines[4:])
            found[name] = {**facts, "body": body}
    return found


def text_of(results):
    """All results as the file holds them."""
    blocks = [HEAD]
    for name, result in sorted(results.items()):
        lines = [name, *(f"{key} {result[key]}" for key in ("source", "on", "by", "exit"))]
        lines += [f"|{line}" for line in result["body"].split("\n") if result["body"]]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


MASKS = {
    r"\b0x[0-9a-f]{5,}\b": "an address",
    r"\b\d+(\.\d+)? (ns|µs|ms|s)\b": "a time",
    r"\b(gcc|clang) \d+(\.\d+)+": "a compiler",
    r"\b\d+ bytes behind the beginning": "some bytes behind the beginning",
}


def masked(body):
    """A body without what may differ from run to run."""
    for pattern, word in MASKS.items():
        body = re.sub(pattern, word, body)
    return body


def differences(old, new):
    """What of the recorded results is not so any more, a sentence each."""
    wrong = [f"{name}: not recorded" for name in sorted(new.keys() - old.keys())]
    wrong += [f"{name}: recorded, but nothing in the chapter asks for it" for name in sorted(old.keys() - new.keys())]
    for name in sorted(old.keys() & new.keys()):
        then, now = old[name], new[name]
        if then["source"] != now["source"]:
            wrong.append(f"{name}: of another source")
        if then["exit"] != now["exit"]:
            wrong.append(f"{name}: exit {then['exit']} was recorded, {now['exit']} is so")
        if name.startswith("[assembly]") and then["by"] != now["by"]:
            continue
        if masked(then["body"]) != masked(now["body"]):
            wrong.append(f"{name}: printed\n{now['body']}\n  where this was recorded:\n{then['body']}")
    return wrong


def merged(old, new):
    """The new results; where nothing differs, as they stand already, so that a day is no change."""
    kept = {}
    for name, result in new.items():
        same = name in old and not differences({name: old[name]}, {name: result}) and old[name]["by"] == result["by"]
        kept[name] = old[name] if same else result
    return kept


def main():
    notebooks, file = map(Path, sys.argv[1:])
    old = parse(file.read_text(encoding="utf-8")) if file.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        new = recorded(notebooks, Path(folder) / "recorded.txt")
    file.write_text(text_of(merged(old, new)), encoding="utf-8")
    print(f"{len(new)} results in {file}")


if __name__ == "__main__":
    sys.exit(main())
