"""Old code never runs without a word: neither C nor Java, neither a cell's nor a file's."""

import re

import pytest

from kernels import Kernel
from project import copy_of_project

GOOD = "%%c stale\nint number(void) { return 1; }"
BROKEN = "%%c stale\nint number(void) { return 2 }"
REFUSED = "cell stale does not compile as it stands"

USES = {
    "load": 'Lab.load("stale")',
    "load and bind": 'Lab.load("stale", Stale.class).number()',
    "a call of what was bound before": "System.out.println(stale.number());",
    "a call through a library": "System.out.println(ofLibrary.number());",
    "an isolated call": "System.out.println(isolated.number());",
    "an isolated call of a library's": "System.out.println(isolatedOfLibrary.number());",
    "isolate": "System.out.println(Lab.isolate(stale).number());",
    "a bind": "staleLibrary.bind(Stale.class)",
    "an address": 'staleLibrary.find("number")',
    "assembly": 'Lab.assembly("stale", "number")',
    "code": 'Lab.code("stale", "number")',
    "step": 'Lab.step(stale, s -> s.number(), "number")',
}


@pytest.fixture
def bound(kernel):
    """A cell that compiles, and all that can be made of it."""
    kernel.ok("interface Stale { int number(); }")
    kernel.ok(GOOD)
    kernel.ok('Library staleLibrary = Lab.load("stale");')
    kernel.ok('Stale stale = Lab.load("stale", Stale.class), ofLibrary = staleLibrary.bind(Stale.class);')
    kernel.ok("Stale isolated = Lab.isolate(stale), isolatedOfLibrary = Lab.isolate(ofLibrary);")
    return kernel


def test_a_cell_that_does_not_compile_is_not_run(bound):
    assert bound.run(BROKEN).status == "error"
    for what, use in USES.items():
        run = bound.run(use)
        assert run.status == "error" and REFUSED in run.error, f"{what}: {run.text}"
        assert "Mend it and run it, then run this cell again." in run.error
        assert re.search(r"stale\.c:2:28: error: expected .;.", run.error), f"{what}: the compiler's error is not repeated"
    bound.ok(GOOD.replace("1", "3"))
    for what in ("load and bind", "a call of what was bound before", "an isolated call"):
        assert "3" in bound.ok(USES[what]).text, what
    assert re.search(r"cell stale has changed since it was loaded.*\n1\n", bound.ok(USES["a call through a library"]).text)


@pytest.mark.parametrize("cell", ["%%c stale what\nint number(void) { return 2; }",
                                  "%%c stale --from 99-none\nint number(void) { return 2; }",
                                  "%%c stale --from\nint number(void) { return 2; }"])
def test_a_cell_that_cannot_be_read_is_not_run(bound, cell):
    assert bound.run(cell).status == "error"
    assert REFUSED in bound.run(USES["a call of what was bound before"]).error
    bound.ok(GOOD)
    assert bound.ok(USES["a call of what was bound before"]).text == "1\n"


def test_an_edited_file_is_followed_or_said_to_be_old(tmp_path):
    tree = copy_of_project(tmp_path / "tree")
    file = tree / "native" / "98-edited.c"
    file.write_text("int number(void) { return 1; }\n")
    kernel = Kernel(folder=tree / "notebooks", env={"GREEN_THREADS_HOME": tree, "GREEN_THREADS_BUILD": tree / ".build"})
    try:
        kernel.ok("%load lab/start.jshell")
        kernel.ok("interface Edited { int number(); }")
        kernel.ok('Library library = Lab.load("98-edited");\nEdited former = library.bind(Edited.class);')
        kernel.ok('Edited bound = Lab.load("98-edited", Edited.class);')
        call = "System.out.println(former.number() + former.number());"
        file.write_text("int number(void) { return 20; }\n")
        # What was loaded with its interface runs the new code, and says so.
        assert re.search(r"98-edited.c: has changed; compiled .*\n20\n", kernel.ok("System.out.println(bound.number());").text)
        # What is quoted is the file as it is now.
        shown = kernel.ok('Lab.source("98-edited", "number")')
        assert "return 20;" in shown.text and "return 1;" not in shown.text
        # A library is what it was when it was loaded: one line says so, in each cell that uses it.
        old = r"^98-edited.c has changed since it was loaded; this is the former version\. .*Lab.load\(\"98-edited\"\) again\.\n2\n$"
        assert re.fullmatch(old, kernel.ok(call).text)
        assert re.fullmatch(old, kernel.ok(call).text)
        assert "has changed" in kernel.ok("System.out.println(Lab.isolate(former).number());").text
        assert kernel.ok("System.out.println(6 * 7);").text == "42\n"
        kernel.ok('library = Lab.load("98-edited");\nformer = library.bind(Edited.class);')
        assert kernel.ok(call).text == "40\n"
        # One that does not compile is not run.
        file.write_text("int number(void) { return 20 }\n")
        for use in ("bound.number()", "Lab.isolate(bound).number()", 'Lab.load("98-edited")'):
            assert "98-edited.c does not compile" in kernel.run(f"System.out.println({use});").error, use
        assert "has changed since it was loaded" in kernel.ok(call).text
    finally:
        kernel.stop()


# ---------------------------------------------------------------- Java


def test_java_that_does_not_compile_leaves_nothing_behind(kernel):
    kernel.ok("int kept = 7;")
    kernel.ok("List<String> spoilt = List.of(\"a\");\nint spoiltToo(int x) { return x; }")
    assert kernel.run("List<String> spoilt = List.of(b);\nint spoiltToo(int x) { return x + 1; }").status == "error"
    for use in ("System.out.println(spoilt);", "System.out.println(spoiltToo(1));", 'Exercise.check("02.1", spoilt);'):
        run = kernel.run(use)
        assert run.status == "error" and "Correct" not in run.text, run.text
        assert re.search(
            r"`spoilt(Too)?` is not there: the cell that defines it, which begins `List<String> spoilt = .*`, does not "
            r"compile\. Mend it and run it, then run this cell again\.",
            run.error,
        ), run.error
    assert kernel.ok("System.out.println(kept);").text == "7\n"
    kernel.ok("List<String> spoilt = List.of(\"c\");\nint spoiltToo(int x) { return x + 1; }")
    assert kernel.ok("System.out.println(spoilt + \" \" + spoiltToo(1));").text == "[c] 2\n"


def test_java_that_is_not_complete_leaves_nothing_behind(kernel):
    kernel.ok("long opened(long x) { return x; }")
    assert kernel.run("long opened(long x) { return x + 1;").status == "error"
    assert "the cell that defines it" in kernel.run("System.out.println(opened(1));").error


# ---------------------------------------------------------------- exercises


def test_a_check_judges_what_stands_in_the_cell_now(kernel):
    """The answer was right; then it is broken."""
    right = "%%c answers\nint largest(const int *v, int n) {\n    int best = v[0];\n    for (int i = 1; i < n; i++)\n        if (v[i] > best)\n            best = v[i];\n    return best;\n}"
    kernel.ok(right)
    assert "✔ 00.2 Correct" in kernel.ok('Exercise.check("00.2");').text
    assert kernel.run(right.replace("best = v[0];", "best = v[0]")).status == "error"
    text = kernel.ok('Exercise.check("00.2");').text
    assert "✘ 00.2 Not yet: cell answers does not compile as it stands" in text and "✔" not in text, text
    kernel.ok(right)
    text = kernel.ok('Exercise.check("00.2");').text
    assert text.startswith("✔ 00.2 Correct"), "and no line about loading"
