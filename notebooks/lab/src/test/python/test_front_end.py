"""What a front end asks of the kernel besides running cells, and what a reader types who comes from elsewhere."""

import re
import shutil
import sys

import pytest

from chapters import Chapter, tags
from kernels import Kernel, installed_spec
from project import NATIVE, copy_of_project, run

SECONDS = 70  # about as long as it takes

CHAPTER = "03-a-single-stack-swap"
SWAP = f'''interface Swapping {{ int swap_on(java.lang.foreign.MemorySegment stack, long size, java.lang.foreign.MemorySegment report); }}
Swapping swapping = Lab.load("{CHAPTER}", Swapping.class);'''

# ---------------------------------------------------------------- status and other messages


def test_history_is_answered_and_so_the_status_is_known(kernel):
    """JupyterLab takes the kernel's status from the answer to this, its first question that it counts."""
    wanted = {"hist_access_type": "tail", "n": 500, "output": False, "raw": True}
    assert kernel.states_of("history_request", wanted) == ["busy", "idle"]
    assert kernel.ask("history_request", wanted)["history"] == []


def test_messages_that_it_does_not_know_leave_no_trace(kernel):
    run = kernel.send("Thread.sleep(700); System.out.println(\"done\");")
    for kind in ("usage_request", "resource_request", "something_new"):
        kernel._client.control_channel.send(kernel._client.session.msg(kind, {}))
        kernel._client.shell_channel.send(kernel._client.session.msg(kind, {}))
    kernel.wait(run)
    assert run.text == "done\n"
    assert kernel.ok("6 * 7").text.strip() == "42"
    assert "Unhandled" not in kernel.terminal()


# ---------------------------------------------------------------- input


def test_a_scanner_asks_the_reader(kernel):
    run = kernel.send('System.out.print("Name? "); String name = new Scanner(System.in).nextLine(); System.out.println("é " + name);')
    kernel.answer("Zoë 😀")
    kernel.wait(run)
    assert run.status == "ok" and run.text == "Name? é Zoë 😀\n", run.text
    assert [o.text for o in run.outputs][0] == "Name? ", "the question did not stand there before it was asked"


def test_readln_asks_the_reader_each_time(kernel):
    for name in ("Ada", "Zoë"):
        run = kernel.send('String line = IO.readln("> "); int more = System.in.available(); System.out.println(line + more);')
        kernel.answer(name)
        kernel.wait(run)
        assert run.text == f"> {name}0\n", run.text


def test_several_lines_in_one_cell(kernel):
    run = kernel.send("var lines = new Scanner(System.in); int sum = lines.nextInt() + lines.nextInt(); System.out.println(sum);")
    kernel.answer("40")
    kernel.answer("2")
    kernel.wait(run)
    assert run.text == "42\n", run.text


def test_where_nobody_can_be_asked_it_says_so(kernel):
    run = kernel.send("new Scanner(System.in).nextLine()", allow_stdin=False)
    kernel.wait(run)
    assert run.status == "error" and "nobody to ask" in run.error and "JupyterLab" in run.error, run.error


def test_a_wait_for_input_can_be_interrupted(kernel):
    run = kernel.send("new Scanner(System.in).nextLine()")
    kernel._client.get_stdin_msg(timeout=20)
    kernel.interrupt()
    kernel.wait(run, timeout=10)
    assert run.status == "error" and "Interrupted" in run.error
    # An answer that comes too late is not taken for the next one.
    kernel._client.input("late")
    kernel.ok("Thread.sleep(300);")
    run = kernel.send("System.out.println(new Scanner(System.in).nextLine());")
    kernel.answer("in time")
    kernel.wait(run)
    assert run.text == "in time\n"


@pytest.mark.parametrize(
    "body, told",
    [
        ("#include <stdio.h>\nint ask(void) { int n = -1; return scanf(\"%d\", &n) == 1 ? n : -1; }", True),
        ("#include <stdio.h>\nint ask(void) { return fgetc(stdin); }", True),
        ("#include <unistd.h>\nint ask(void) { char c; return (int)read(0, &c, 1); }", True),
        ("/* scanf( and stdin */\nconst char *ask(void) { return \"getchar(\"; } // stdin", False),
        ("#include <unistd.h>\nint ask(int fd) { char c; return (int)read(fd, &c, 1); }", False),
        ("#include <stdint.h>\nint32_t stdin_of(int32_t fgets_of) { return fgets_of; }", False),
    ],
)
def test_native_code_that_reads_input_is_told_that_there_is_none(kernel, body, told):
    said = kernel.ok(f"%%c asking\n{body}").text
    assert ("standard input" in said and "IO.readln" in said) == told, said
    if told:
        kernel.ok('interface Asking { int ask(); }\nAsking asking = Lab.load("asking", Asking.class);')
        assert kernel.ok("System.out.println(asking.ask() <= 0);").text == "true\n", "it waits for nobody"


# ---------------------------------------------------------------- work that takes a while


@pytest.fixture
def slow_compiler(tmp_path):
    """A kernel whose compiler takes three seconds longer at each source that has a function slow."""
    real = shutil.which("cc")
    cc = tmp_path / "cc"
    cc.write_text(f'#!/bin/sh\nfor word; do case $word in *slow*) sleep 3 ;; esac; done\nexec {real} "$@"\n')
    cc.chmod(0o755)
    with Kernel(env={"CC": cc, "GREEN_THREADS_BUILD": tmp_path / "build"}) as k:
        k.ok("%load lab/start.jshell")
        yield k


def test_work_that_takes_a_while_says_how_far_it_is(slow_compiler):
    run = slow_compiler.ok("%%c slow\nint one(void) { return 1; }")
    assert run.notes[0] == "compiling cell slow … 1 s" and "compiling cell slow … 2 s" in run.notes, run.notes
    assert run.notes[-1] == "", "the note stayed"
    assert re.fullmatch(r"cell slow: compiled with .*\n", run.text), run.text
    assert slow_compiler.ok("%%c quick\nint one(void) { return 1; }").notes == []


def test_a_notebook_run_by_a_program_has_no_such_notes(slow_compiler):
    run = slow_compiler.send("%%c slow\nint two(void) { return 2; }", allow_stdin=False)
    slow_compiler.wait(run)
    assert run.status == "ok" and run.notes == []


# ---------------------------------------------------------------- magics


@pytest.mark.parametrize(
    "code, shown",
    [
        ('System.out.print("""\n    %d items\n    %%c x\n    =%load y\n    """);', "%d items\n%%c x\n=%load y\n"),
        ('/* as in\n%load nowhere\n*/ System.out.print("a"); // =%load nowhere', "a"),
        ('int left = 7;\nint rest = left\n%left;\nSystem.out.print(rest);', "0"),
        ('System.out.print("=%load x" + \'"\' + "%");', '=%load x"%'),
        ('String it = "\\"\\n%d"; System.out.print(it.length());', "4"),
    ],
)
def test_magics_in_texts_and_comments_are_left_alone(kernel, code, shown):
    assert kernel.ok(code).text == shown


def test_real_magics_still_work(kernel, tmp_path):
    (tmp_path / "two words.jshell").write_text('int loadedByMagic = 5;\nSystem.out.println("loaded");\n')
    run = kernel.ok(f'int before = 1; // first\n  %load "{tmp_path}/two words.jshell"\nSystem.out.println(before + loadedByMagic);')
    assert run.text == "loaded\n6\n"


# ---------------------------------------------------------------- what others write


@pytest.mark.parametrize(
    "code, words",
    [
        ("!ls -l", ['new ProcessBuilder("ls", "-l").inheritIO()', "terminal"]),
        ("/vars", ["jshell tool", "Shift+Tab"]),
        ("?Lab", ["Shift+Tab"]),
        ("Lab.load?", ["Shift+Tab"]),
        ("%timeit 1 + 1", ["no %timeit", "System.nanoTime()"]),
        ("%matplotlib inline", ["no %matplotlib", "%%c NAME"]),
        ("%%bash\nls", ["no %%bash", "%%c NAME"]),
        ("%%", ["%%c"]),
    ],
)
def test_what_is_written_in_other_notebooks_is_explained(kernel, code, words):
    said = kernel.fails(code).error
    assert all(word in said for word in words), said
    assert len(said.strip().splitlines()) <= 3 and "Exception" not in said, said


def test_the_way_to_run_a_program_works(kernel):
    assert "hello" in kernel.ok('new ProcessBuilder("echo", "hello").inheritIO().start().waitFor();').text


def test_java_that_begins_so_is_left_alone(kernel):
    assert kernel.ok("boolean off = false;").status == "ok"
    assert kernel.ok("!off").text.strip() == "true"
    assert "cannot find symbol" in kernel.fails("int x = nowhere;").error


# ---------------------------------------------------------------- a console


@pytest.mark.parametrize(
    "code, status",
    [
        ("int x = 1;", "complete"),
        ("for (int i = 0; i < 3; i++) {", "incomplete"),
        ("%%c mine", "incomplete"),
        ("%%c mine\nint one(void) {\n    return 1;", "incomplete"),
        ("%%c mine\nint one(void) { return 1; }\n\n", "complete"),
    ],
)
def test_a_console_knows_where_a_cell_ends(kernel, code, status):
    assert kernel.ask("is_complete_request", {"code": code})["status"] == status


# ---------------------------------------------------------------- another working folder


def test_a_kernel_that_was_started_elsewhere(tmp_path):
    """VS Code starts it in the folder that is open there."""
    with Kernel(folder=tmp_path) as k:
        assert re.search("x86-64|AArch64", k.ok("%load lab/start.jshell").text)
        assert f"{CHAPTER}.c: " in k.ok(f'Lab.load("{CHAPTER}");').text
        said = k.fails("%load lab/nothing.jshell").error
        assert "lab/nothing.jshell" in said, said


# ---------------------------------------------------------------- line ends


@pytest.mark.chapter("03", "07")
@pytest.mark.parametrize("stem", [CHAPTER, "07-the-runtime-in-200-lines"])
def test_native_files_with_line_ends_of_windows(tmp_path, stem):
    """As a clone has them whose git changes line ends. Every cell of the chapter does as it should."""
    tree = copy_of_project(tmp_path / "tree")
    for file in (tree / "native").rglob("*.[ch]"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    chapter = Chapter.read(tree / "notebooks" / f"{stem}.ipynb")
    env = {"GREEN_THREADS_HOME": tree, "GREEN_THREADS_BUILD": tmp_path / "build", "IJAVA_STARTUP_SCRIPTS_PATH": tree / "notebooks" / "lab" / "start.jshell"}
    wrong = []
    with Kernel(folder=tree / "notebooks", env=env) as k:
        for c in chapter.code:
            r = k.run(c.source, timeout=120)
            if (r.status == "error") != ("raises-exception" in tags(c)):
                wrong.append(f"{c.id}\n{r.text}")
        assert not wrong, "\n\n".join(wrong)
        assert "\r" not in "".join(repr(o.text) for o in k.ok(f'Lab.source("{stem}")').outputs)
        k.ok(f"%%c mine --from {stem}\nint added(void) {{ return 1; }}")


# ---------------------------------------------------------------- half a permission

FILTER = r"""
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
    (void)argc;
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        return 125;
    }
    execv(argv[1], argv + 1);
    return 126;
}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="process_vm_readv and seccomp are Linux's")
def test_ptrace_without_process_vm_readv(tmp_path):
    """As in gVisor and under old versions of Docker: stepping draws the same, read in another way."""
    (tmp_path / "filter.c").write_text(FILTER)
    assert run(["cc", tmp_path / "filter.c", "-o", tmp_path / "filter"]) == (0, "")
    cell = f"""{SWAP}
var steps = Lab.step(swapping, s -> s.swap_on(Arena.global().allocate(1 << 16, 16), 1 << 16, MemorySegment.NULL), "swap");
String text = steps.text(); System.out.println(steps.text());"""
    argv = installed_spec()[0]["argv"]
    texts = []
    for words in (argv, [tmp_path / "filter", *argv]):
        words = [str(w).replace("{resource_dir}", str(installed_spec()[1])) for w in words]
        with Kernel(argv=words) as k:
            k.ok("%load lab/start.jshell")
            texts.append(re.sub(r"\b(?:0x)?[0-9a-f]{4,}\b", "#", k.ok(cell).text))
            mine = k.ok("%%c apart\nint twice(int x) { return 2 * x; }\nlong sum(long *p) { p[0] = 7; return p[0] + p[1]; }")
            k.ok("interface Apart { int twice(int x); long sum(MemorySegment p); }\nApart apart = Lab.load(\"apart\", Apart.class);")
            assert k.ok("apart.twice(21)").text.strip() == "42"
            said = k.ok("MemorySegment p = Arena.global().allocateFrom(ValueLayout.JAVA_LONG, 1, 35); System.out.println(apart.sum(p) + p.get(ValueLayout.JAVA_LONG, 0));").text
            assert said == "49\n", said
            isolated = k.fails("Lab.isolate(apart).sum(MemorySegment.NULL)").text
            assert "null pointer" in isolated, isolated
    assert "unknown" not in texts[1]
    # Everything that was drawn, except where the stacks happened to lie.
    assert texts[1].splitlines()[1:] == texts[0].splitlines()[1:]


# ---------------------------------------------------------------- Tab


def test_tab_offers_files_and_cells(kernel):
    kernel.ok("%%c tabbed\nint one(void) { return 1; }")
    offered = kernel.complete('var x = Lab.load("|", Object.class);')
    assert f'var x = Lab.load("{CHAPTER}", Object.class);' in offered
    assert 'var x = Lab.load("tabbed", Object.class);' in offered
    assert len(offered) < 40
    assert kernel.complete('Lab.load("03|-x")') == [f'Lab.load("{CHAPTER}")'], "in the middle"
    assert kernel.complete('/* é 😀 */ Lab.load("03|') == [f'/* é 😀 */ Lab.load("{CHAPTER}']
    assert kernel.complete('Lab.load("stack-sw|")') == [f'Lab.load("{CHAPTER}")'], "by a word inside"


def test_tab_offers_parts(kernel):
    text = (NATIVE / f"{CHAPTER}.c").read_text(encoding="utf-8")
    offered = kernel.complete(f'Lab.source("{CHAPTER}", "|")')
    names = [re.search(r', "(.*)"\)', o)[1] for o in offered]
    assert "swap_on" in names and all(name in text for name in names)
    assert f'Lab.assembly("{CHAPTER}", "swap_on")' in kernel.complete(f'Lab.assembly("{CHAPTER}", "swap|")')
    assert 'Lab.source("arch/asm.h")' in kernel.complete('Lab.source("arch/as|")')
    assert any("AArch64, Linux" in o for o in kernel.complete(f'Lab.plain("{CHAPTER}", "|")'))
    kernel.ok("%%c tabbed\nint one(void) { return 1; }")
    assert kernel.complete('Lab.code("tabbed", "|")') == ['Lab.code("tabbed", "one")']


def test_tab_offers_nothing_in_other_texts_and_comments(kernel):
    for code in ('String s = "Str|";', "// Str|", 'Lab.isolate("|")', "int x = 1; /* Str| */", "%%c mine\nint Str|"):
        assert kernel.complete(code) == [], code


def test_tab_in_java(kernel):
    kernel.ok("int aLongName = 1;")
    assert "int y = aLongName;" in kernel.complete("int y = aLong|;")
    assert kernel.complete('Lab.lo|ad("x")') == ['Lab.load("x")'], "the rest of the name stays once"
    assert 'Lab.load(' in kernel.complete("Lab.lo|")
    assert "record P(int x) {}\nint z = aLongName" in kernel.complete("record P(int x) {}\nint z = aLo|")


def test_tab_in_the_first_line_of_a_cell_of_c(kernel):
    assert kernel.complete("%%c mine --from 03|\nint x;") == [f"%%c mine --from {CHAPTER}\nint x;"]
    assert "%%c mine --from" in kernel.complete("%%c mine -|")


# ---------------------------------------------------------------- Shift+Tab


@pytest.mark.parametrize("code", ['La|b.load("x")', "Lab|"])
def test_shift_tab_on_a_class(kernel, code):
    text, html = kernel.inspect(code)
    assert "greenthreads.lab.Lab" in text and "What the chapters' cells start from" in text
    assert "<b>greenthreads.lab.Lab</b>" in html


@pytest.mark.parametrize("code", ['var l = Lab.lo|ad("x", Object.class);', 'Lab.load("x|"', 'Lab.load("x", |)', 'int q = 1;\nLab.load|("x")'])
def test_shift_tab_on_a_method(kernel, code):
    text, html = kernel.inspect(code)
    assert "Library Lab.load(String name, String... options)" in text
    assert "T Lab.<T>load(String name, Class<T> type, String... options)" in text
    assert "compiles it first if its text, headers, options or compiler have changed" in text
    assert "- name: a chapter's file without .c, or a cell's name" in text
    assert "<code>native/NAME.c</code>" in html and "{@code" not in html + text


def test_shift_tab_on_a_variable_of_the_lab(kernel):
    kernel.ok(f'Library aLibrary = Lab.load("{CHAPTER}");')
    text, _ = kernel.inspect("aLibr|ary")
    assert "Library" in text.splitlines()[0] and len(text.splitlines()) > 2, text
    text, _ = kernel.inspect("aLibrary.bi|nd(Object.class)")
    assert "bind(Class<T> type)" in text and "interface" in text, text


def test_shift_tab_on_a_native_function(kernel):
    kernel.ok(SWAP)
    for code in ("swapping.swap|_on(null, 0, null);", "swapping.swap_on(null, |"):
        text, html = kernel.inspect(code)
        source = (NATIVE / f"{CHAPTER}.c").read_text(encoding="utf-8")
        prototype = re.search(r"^\w[^\n;{]*\bswap_on\([^)]*\)", source, re.MULTILINE)[0]
        assert " ".join(prototype.split()) in " ".join(text.split()), text
        assert f"{CHAPTER}.c, lines" in text and "<pre>" in html


def test_shift_tab_on_a_function_in_a_cell_of_c(kernel):
    text, _ = kernel.inspect(f"%%c mine --from {CHAPTER}\n/* Mine. */\nvoid hello(void) {{ swap|_on(0, 0, 0); }}")
    assert "swap_on(" in text and f"{CHAPTER}.c, lines" in text
    text, _ = kernel.inspect(f"%%c mine --from {CHAPTER}\n/* Mine. */\nvoid hel|lo(void) {{ }}")
    assert "void hello(void);" in text and "Mine." in text and "mine.c, lines" in text


def test_shift_tab_on_the_jdks_names(kernel):
    text, html = kernel.inspect("String.val|ueOf(1)")
    assert "String String.valueOf(int i)" in text and "Returns the string representation" in text
    assert "{@code" not in text + html


def test_shift_tab_where_nothing_is_known(kernel):
    for code in ("nowhere|", "|", "int x = |1;", "%%c mine\nint |;"):
        assert kernel.inspect(code) == ("", ""), code
