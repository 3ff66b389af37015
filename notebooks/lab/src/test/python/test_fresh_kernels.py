"""What once failed, by its kind: each input in a kernel that has run nothing else, isolated and as a chapter runs it.

The kernel lives, the next cell runs, nothing is left, and what is said is true. The other tables run in one kernel each,
which shows that an input spoils nothing for the next one; here none can lean on what ran before.
"""

import re
import shutil
from dataclasses import dataclass, field

import pytest

from kernels import Kernel
from project import NATIVE, copy_of_project
from test_bad_edits import LINUX, X86_64, assembly, descendants, is_kept
from test_edits_cannot_kill import SOAKED
from test_ends import DEEP, HEAD

SECONDS = 150  # about as long as it takes

GREAT = "many " * 14_000


@dataclass(frozen=True)
class Input:
    number: int  # the kind
    id: str
    body: str  # whole C, with a function run()
    says: str
    options: str = ""
    never: str = r"io\.github|greenthreads\.lab\.\w"
    where: bool = True
    java: tuple = ("void run();", "{}.run();")  # the interface, and the call
    env: dict = field(default_factory=dict)
    within: float = 60


def printed(number, id, body, says="ran", **more):
    return Input(number, id, body, says, **more)


RAN = 'void run(void) { puts("ran"); }\n'
INPUTS = [
    printed(1, "a long cell", f"{HEAD}/* {GREAT} */\n{RAN}"),
    Input(2, "a constructor that crashes",
          f"{HEAD}static int *volatile p; __attribute__((constructor)) static void early(void) {{ *p = 1; }}\n{RAN}", "SIGSEGV"),
    Input(2, "a constructor that exits", f"{HEAD}__attribute__((constructor)) static void early(void) {{ exit(3); }}\n{RAN}",
          r"exit\(3\)"),
    printed(2, "a destructor that crashes",
            f"{HEAD}static int *volatile p; __attribute__((destructor)) static void late(void) {{ *p = 1; }}\n{RAN}"),
    Input(2, "a checker that wants a whole program", f"{HEAD}{RAN}", r"-fsanitize=address takes over", options=" -fsanitize=address"),
    Input(4, "a file without an end", '#include "/dev/zero"\nvoid run(void) {}', r"GiB of memory that it is given|did not end within",
          within=120),
    printed(5, "rounds upwards", f"{HEAD}#include <fenv.h>\nvoid run(void) {{ fesetround(FE_UPWARD); puts(\"ran\"); }}"),
    printed(5, "output closed, signals blocked",
            f"{HEAD}void run(void) {{ puts(\"ran\"); fflush(stdout); close(1); close(2); sigset_t s; sigfillset(&s);"
            " sigprocmask(SIG_BLOCK, &s, 0); signal(SIGSEGV, SIG_DFL); }"),
    printed(6, "a compiler in a folder with a space", f"{HEAD}{RAN}", env={"CC": "a folder é/cc"}),
    Input(7, "a child that hides from the end of its watcher",
          f"{HEAD}void run(void) {{ if (fork() == 0) {{ setsid(); sleep(120); _exit(0); }} usleep(50000); kill(getppid(), SIGKILL);"
          " abort(); }", r"abort|ended|watch"),
    Input(7, "many children in sessions of their own",
          f"{HEAD}void run(void) {{ for (int i = 0; i < 300; i++) if (fork() == 0) {{ if (i % 2) setsid(); for (;;) pause(); }} }}",
          r"run left 300 processes running; they were ended\.", where=LINUX),
    Input(8, "rsp is no address", HEAD + assembly("mov rax, 0x4141414141414140", "mov rsp, rax", "ret"),
          r"rsp is 0x4141414141414140, which is no address at all", never="null pointer", where=X86_64 and LINUX),
    Input(9, "an array as a stack overflows",
          "#define _GNU_SOURCE\n" + DEEP + "void hello(void) { deep(0); }\nstatic _Alignas(64) char alone[1 << 16];\n"
          "void run(void) { swap_on(alone, sizeof alone, NULL); }", r"[Ss]tack overflow",
          options=" --from 03-a-single-stack-swap", never="string literal"),
    Input(10, "pthread_exit", f"{HEAD}void run(void) {{ pthread_exit(0); }}", r"by pthread_exit", never=r"called exit\(0\)"),
    Input(10, "a broken pipe", f'{HEAD}void run(void) {{ int p[2]; (void)!pipe(p); close(p[0]); (void)!write(p[1], "x", 1); }}',
          r"nobody reads any more|pipe", never=r"raise\(\)"),
    Input(11, "a tail call through null",
          f"{HEAD}void (*volatile pointer)(void);\n__attribute__((noinline)) void inner(void) {{ pointer(); }}\n"
          'void run(void) { inner(); __asm__ volatile(""); }', r"jumped to null; very likely by a (jump|call)", never="by a ret"),
    Input(11, "longjmp without setjmp", f"{HEAD}static jmp_buf buffer;\nvoid run(void) {{ longjmp(buffer, 1); }}",
          r"buffer that setjmp\(\) has not filled", where=LINUX),
    Input(12, "a limit on the stack",
          f"{HEAD}{DEEP}void run(void) {{ struct rlimit r = {{256 << 10, 256 << 10}}; setrlimit(RLIMIT_STACK, &r); deep(0); }}",
          r"RLIMIT_STACK", where=LINUX),
    Input(13, "no free descriptor",
          f'{HEAD}void run(void) {{ while (open("/dev/null", O_RDONLY) >= 0) {{ }} *(volatile int *volatile)0 = 1; }}',
          r"through a null pointer", never="which is no code", where=LINUX),
    Input(14, "endless recursion", f"{HEAD}{DEEP}void run(void) {{ deep(0); }}", r"frames on it repeat: `deep` calls itself"),
    printed(15, "the mathematical library", "#include <math.h>\ndouble run(double x) { return sin(x) + 42; }", r"^42\.0$",
            java=("double run(double x);", "System.out.println({}.run(0));")),
    printed(16, "a variadic function",
            "#include <stdarg.h>\nint run(int n, ...) { va_list v; va_start(v, n); int s = 0; while (n--) s += va_arg(v, int);"
            " va_end(v); return s; }", r"^42$", java=("int run(int n, int a, int b);", "System.out.println({}.run(2, 20, 22));")),
    Input(16, "a struct by value", "struct pair { long a, b; };\nlong run(struct pair p) { return p.a + p.b; }",
          r"cannot be passed by value", java=("long run(MemorySegment pair);", "{}.run(Arena.ofAuto().allocate(16));")),
    Input(17, "an option that makes nothing", f"{HEAD}{RAN}", r"only looked at it and made nothing", options=" -fsyntax-only",
          never="Free some space"),
    printed(18, "64 MiB without a newline",
            f"{HEAD}static char part[1 << 16];\nvoid run(void) {{ memset(part, 120, sizeof part - 1);"
            ' for (int i = 0; i < 1024; i++) printf("%s", part); }', r"not shown", within=40),
]
WAYS = {"as the chapter runs it": "trial", "isolated": "Lab.isolate(trial)"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    made = copy_of_project(tmp_path_factory.mktemp("fresh") / "tree é")
    folder = made / "a folder é"
    folder.mkdir()
    (folder / "cc").symlink_to(shutil.which("gcc") or shutil.which("cc"))
    return made


def fresh(tree, env):
    more = {name: tree / value for name, value in env.items()}
    return Kernel(tree / "notebooks", env={
        "GREEN_THREADS_HOME": tree,
        "GREEN_THREADS_BUILD": tree / "build",
        "IJAVA_STARTUP_SCRIPTS_PATH": tree / "notebooks/lab/start.jshell",
        **more,
    })


def is_well(kernel):
    assert kernel.alive
    assert kernel.ok('System.out.println(1.0 / Integer.parseInt("3"));').text == "0.3333333333333333\n"
    left = {p: c for p, c in descendants(kernel.pid).items() if not is_kept(p, kernel.pid)}
    assert left == {}


def run_until_it_fails(kernel, cells, within):
    text = ""
    for cell in cells:
        run = kernel.run(cell, timeout=within)
        text += run.text
        if run.status != "ok":
            break
    return text


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("case", INPUTS, ids=[f"{case.number}. {case.id}" for case in INPUTS])
def test_an_input_that_once_failed(tree, case, way):
    if not case.where:
        pytest.skip("of x86-64's or Linux's own")
    interface, call = case.java
    with fresh(tree, case.env) as kernel:
        text = run_until_it_fails(kernel, [
            "%load lab/start.jshell",
            f"%%c trial{case.options}\n{case.body}",
            f'interface Trial {{ {interface} }}\nTrial trial = Lab.load("trial", Trial.class);',
            call.format(way),
        ], case.within)
        assert re.search(case.says, text, re.M), text[:5000]
        assert not re.search(case.never, text), text[:5000]
        is_well(kernel)


@pytest.mark.parametrize("way", WAYS, ids=list(WAYS))
def test_a_mistake_in_a_chapters_file(tree, way):
    """The third kind: the chapter's own cells run again as they stand."""
    name = "03-a-single-stack-swap"
    file, shipped = tree / "native" / f"{name}.c", (NATIVE / f"{name}.c").read_text("utf-8")
    line = "top[WAY_HOME] = (uintptr_t)way_home;"
    assert line in shipped
    cell = SOAKED[name]
    if way == "isolated":
        cell = cell.replace("chapter.", "Lab.isolate(chapter).")
    try:
        file.write_text(shipped.replace(line, ""), "utf-8")
        with fresh(tree, {}) as kernel:
            text = run_until_it_fails(kernel, ["%load lab/start.jshell", cell], 60)
            assert re.search(r"`swap_on` crashed with SIG(SEGV|BUS)", text), text
            assert re.search(r"0xa5a5a5a5a5a5a5a5", text), text
            is_well(kernel)
            file.write_text(shipped, "utf-8")
            assert re.search(r"^0$", kernel.ok(cell).text, re.M)
    finally:
        file.write_text(shipped, "utf-8")
