"""Runs every chapter from top to bottom, twice, and prints the seconds: times.py <notebooks>.

In the first run C is compiled, unless that was done before; in the second all comes from the cache.
A kernel's start is part of both.
"""

import copy
import sys
import time
from pathlib import Path

import nbformat

from book.execute import ChapterError, execute


def seconds(notebook, path):
    start = time.monotonic()
    execute(copy.deepcopy(notebook), path)
    return time.monotonic() - start


def main(notebooks):
    sums = [0.0, 0.0]
    print(f"{'chapter, top to bottom':<32} first  again   seconds")
    for chapter in sorted(notebooks.glob("[0-9][0-9]-*.ipynb")):
        notebook = nbformat.read(chapter, as_version=4)
        try:
            runs = [seconds(notebook, chapter) for _ in sums]
        except ChapterError as problem:
            print(f"{chapter.stem}: {problem}")
            return 1
        sums = [total + run for total, run in zip(sums, runs)]
        print(f"{chapter.stem:<32} {runs[0]:5.1f}  {runs[1]:5.1f}", flush=True)
    print(f"{'in sum':<32} {sums[0]:5.1f}  {sums[1]:5.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
