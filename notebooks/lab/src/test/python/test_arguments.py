"""Whatever a reader's own Java gives to the chapters' C, the kernel stays.

The C is as it was shipped, so it is trusted; a count that does not fit the memory beside it is not the C's
fault. As long as all cells are as they were shipped, calls are made in the kernel's process; after the first
that is not, in a process of their own, where they may crash, ask for all memory or never end.
"""

import re

import nbformat
import pytest

from chapters import tags
from kernels import Kernel
from processes import children_of
from project import NATIVE, NOTEBOOKS

SECONDS = 60  # about as long as a chapter takes

INTERFACE = re.compile(r"interface (\w+) \{(.*?)\}", re.S)
METHOD = re.compile(r"\w+ (\w+)\(([^)]*)\);", re.S)
BOUND = re.compile(r"(\w+)\.bind\((\w+)\.class\)")
LOADED = re.compile(r"Lab\.load\((\"[^\"]+\"|\w+), (\w+)\.class\)")
LIBRARY = re.compile(r"^Library (\w+) = Lab\.load\((\"[^\"]+\"|\w+)\);", re.M)
CONSTANT = re.compile(r"^String (\w+) = (\"[^\"]+\");", re.M)

# For each kind of argument: nothing, less than nothing, and far too much.
HOSTILE = {
    "int": ("0", "-1", "Integer.MAX_VALUE"),
    "long": ("0", "-1", "Long.MAX_VALUE"),
    "double": ("0", "-1", "1e300"),
    "String": ("null", '""', '"x".repeat(100_000)'),
    "MemorySegment": ("MemorySegment.NULL", "Arena.ofAuto().allocate(1)", "Arena.ofAuto().allocate(64, 16)"),
}


def code_of(stem):
    book = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=nbformat.NO_CONVERT)
    return [
        cell.source
        for cell in book.cells
        if cell.cell_type == "code" and not cell.source.startswith("%%") and "raises-exception" not in tags(cell)
    ]


def interfaces(stem):
    """The interfaces that a chapter binds to shipped C: name, text, methods with their parameters' types, file."""
    shipped = {path.stem for path in NATIVE.glob("*.c")}
    text = "\n".join(code_of(stem))
    names = dict(CONSTANT.findall(text))
    names |= {library: names.get(file, file) for library, file in LIBRARY.findall(text)}
    loaded = {}
    for file, name in LOADED.findall(text) + BOUND.findall(text):
        file = names.get(file, file).strip('"')
        if file in shipped:
            loaded.setdefault(name, file)
    known = {}
    for name, body in INTERFACE.findall(text):
        methods = [
            (method, [word.split()[0] for word in parameters.replace("\n", " ").split(",") if word.strip()])
            for method, parameters in METHOD.findall(body)
        ]
        if name in loaded and name not in known:
            known[name] = (f"interface {name} {{{body}}}", methods, loaded[name])
    return known


CHAPTERS = {path.stem: interfaces(path.stem) for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))}


def test_interfaces_are_found():
    found = {name for known in CHAPTERS.values() for name in known}
    assert {"Start", "Threads", "Swap", "Pages", "Sides", "Green", "Naps", "Servers", "Recorded", "Stacks"} <= found
    assert sum(len(methods) for known in CHAPTERS.values() for _, methods, _ in known.values()) > 60


@pytest.mark.timeout(400)
@pytest.mark.parametrize("stem", [stem for stem in CHAPTERS if CHAPTERS[stem]])
def test_hostile_arguments_end_no_kernel(stem):
    with Kernel() as kernel:
        kernel.ok("%load lab/start.jshell", timeout=120)
        pid = kernel.pid
        for name, (text, methods, file) in CHAPTERS[stem].items():
            kernel.ok(f'{text}\n{name} its{name} = Lab.load("{file}", {name}.class);')
            for method, types in methods:
                for i in range(3 if types else 1):
                    call = f"its{name}.{method}({', '.join(HOSTILE[type][i] for type in types)});"
                    ended(kernel, call)
                    assert kernel.alive and kernel.pid == pid, f"{call} ended the kernel"
        assert kernel.ok("System.out.println(6 * 7)").text.endswith("42\n")
        assert "still running" not in kernel.ok("System.gc();").text


def ended(kernel, call):
    """Waits for a call, and interrupts it if it takes long. It must be over then."""
    run = kernel.send(call, stop_on_error=False)
    try:
        kernel.wait(run, timeout=2)
    except AssertionError as late:
        assert "no end after" in str(late), f"{call}: {late}"
        kernel.interrupt()
        kernel.wait(run, timeout=20)
        assert "still running" not in run.text + (run.error or ""), f"{call} could not be stopped:\n{run.text}"


TOLD = "Some Java that has run is yours."


def test_a_readers_cell_moves_calls_to_another_process():
    """Nothing is said, and nothing started, as long as the cells are the chapter's."""
    cells = code_of("00-start-here")
    bound = next(i for i, cell in enumerate(cells) if "first.bind(Start.class)" in cell)
    with Kernel() as kernel:
        for cell in cells[: bound + 1]:
            shipped = kernel.ok(cell, timeout=120)
            assert TOLD not in shipped.text
        assert children_of(kernel.pid) == []
        mine = kernel.ok(cells[bound].replace("40", "41"))
        assert TOLD in mine.text
        assert len(children_of(kernel.pid)) == 1
        again = kernel.ok(cells[bound])
        assert TOLD not in again.text, "it is said once"
        assert again.text.endswith("42\n") and mine.text.endswith("43\n"), again.text


def test_what_hands_out_addresses_stays_and_looks_at_its_memory():
    stem = "09-results-and-channels"
    text, _, file = CHAPTERS[stem]["Threads"]
    with Kernel() as kernel:
        kernel.ok("%load lab/start.jshell", timeout=120)
        kernel.ok(f'{text}\nThreads threads = Lab.load("{file}", Threads.class);')
        kernel.ok("MemorySegment open = threads.open_runtime(1), none = threads.open_runtime(0);")
        refused = kernel.fails("threads.join_from_java(open, 1, Arena.ofAuto().allocate(8));").error
        assert "Argument 3 of join_from_java has 8 bytes. C declares it as `struct answer *answer`, which takes 16" in refused
        said = kernel.ok("""for (long status : new long[] {threads.run_all(none), threads.spawn_hanoi(none, 3),
    threads.spawn_sum(open, MemorySegment.NULL), threads.spawn_mapped(open, MemorySegment.NULL, 1, 2),
    threads.close_runtime(open), threads.close_runtime(open), threads.run_all(open)})
    System.out.println(status < 0 ? threads.words_for(status) : "fine");""").text
        closed = "the runtime is closed, or could not be opened"
        nothing = "NULL was given in place of memory"
        assert said.splitlines() == [closed, closed, nothing, nothing, "fine", closed, closed]


def test_only_what_was_reserved_is_released():
    text, _, file = CHAPTERS["04-the-stack"]["Pages"]
    with Kernel() as kernel:
        kernel.ok("%load lab/start.jshell", timeout=120)
        kernel.ok(f'{text}\nPages pages = Lab.load("{file}", Pages.class);')
        said = kernel.ok("""long page = pages.page_size();
MemorySegment three = pages.reserve(3 * page);
pages.release(three, 300 * page);
pages.release(MemorySegment.ofAddress(three.address() + page), 2 * page);
pages.release(three, 3 * page);
pages.release(three, 3 * page);""").text
        assert len(re.findall(r"^Not released: at 0x[0-9a-f]+ no \d+ bytes are reserved\.$", said, re.M)) == 3, said
