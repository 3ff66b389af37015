"""Chapter 11's places that are used again: a finished thread waits in thread_entry for its next function. again.c says what holds."""

import shutil
import signal

import pytest

from expected import AARCH64, RISCV64, X86_64
from project import LAB, NATIVE, run, tool
from test_machines import program, runner  # noqa: F401 - a fixture
from test_native import COMPILERS, HERE, LEVELS

pytestmark = pytest.mark.chapter("11")

SOURCE = LAB / "src" / "test" / "native" / "again.c"
WORDS = ["-Wno-unused-function", "-fasynchronous-unwind-tables"]
SANITIZED = {
    "address": ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "thread": ["-g", "-fsanitize=thread"],
}
KILLED = {-signal.SIGSEGV, -signal.SIGBUS}

each_compiler = pytest.mark.parametrize("compiler", COMPILERS)


def said_by(folder, compiler, *words, native=NATIVE, mistake=False, **options):
    built = program(folder, HERE, SOURCE, *WORDS, *words, f"-I{native}", by=compiler)
    fixed = [setarch, "-R"] if (setarch := shutil.which("setarch")) else []  # shadow memory wants the classic layout
    return run(["env", *(f"{name}={value}" for name, value in options.items()), *fixed, built, *["mistake"] * mistake])


@pytest.mark.parametrize("level", LEVELS)
@each_compiler
def test_many_lives_in_three_places(tmp_path, compiler, level):
    assert said_by(tmp_path, compiler, level) == (0, "")


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("machine", [AARCH64, RISCV64])
def test_many_lives_elsewhere(tmp_path, runner, machine, level):  # noqa: F811
    before, more = runner(machine)
    built = program(tmp_path, machine, SOURCE, *WORDS, level, f"-I{NATIVE}")
    assert run([*before, built], **more) == (0, "")


@pytest.mark.parametrize("sanitizer, returned", [("address", 0), ("address", 1), ("thread", 0)])
@pytest.mark.parametrize("level", ["-O0", "-O1"])
@each_compiler
def test_the_sanitizers_have_nothing_to_say(tmp_path, compiler, level, sanitizer, returned):
    options = {"ASAN_OPTIONS": f"detect_stack_use_after_return={returned}"}
    assert said_by(tmp_path, compiler, level, *SANITIZED[sanitizer], **options) == (0, "")


def test_valgrind_has_nothing_to_say(tmp_path):
    valgrind = tool("valgrind", why="it sees reads of memory that was never written")
    built = program(tmp_path, HERE, SOURCE, *WORDS, "-O1", "-g", "-DVALGRIND", f"-I{NATIVE}", by="gcc")
    assert run([valgrind, "--quiet", "--error-exitcode=99", built]) == (0, "")


@each_compiler
def test_who_has_finished_does_not_run_again_by_mistake(tmp_path, compiler):
    status, said = said_by(tmp_path, compiler, "-O2", mistake=True)
    assert (status in KILLED, said) == (True, "runs\n")


# ---------------------------------------------------------------- each of it fails if it is not so

# What is written instead, and what again.c then says.
MISTAKES = {
    "a finished thread keeps its function": ("    old->function = NULL;\n", "", "its function is still there"),
    "memory is given back, and somebody waits on it": ("    t->place.pc = NULL;\n", "    (void)t;\n", "somebody waits on memory"),
    "it runs what the one before it was spawned with": (
        "    t->function = function;\n",
        "    static void (*last)(void);\n    t->function = last ? last : function;\n    last = function;\n",
        "not each has run",
    ),
    "the stack creeps": (
        "        current->function();\n",
        "        *(volatile char *)__builtin_alloca(64) = 0;\n        current->function();\n",
        "the stack does not begin where it did",
    ),
    "a place is lost": ("    running->available = old;\n", "", "a place is missing"),
    "what is new is not forged": ("    if (t->place.pc == NULL)", "    if (t->place.pc != NULL)", None),
}


def with_mistake(folder, old, new):
    native = folder / "native"
    shutil.copytree(NATIVE, native)
    file = native / "11-how-fast-how-many.c"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    return native


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(tmp_path, mistake):
    old, new, why = MISTAKES[mistake]
    status, said = said_by(tmp_path, "gcc", "-O2", native=with_mistake(tmp_path, old, new))
    assert status in KILLED if why is None else status != 0 and why in said, said


def test_without_its_function_it_would_run_again(tmp_path):
    old, new, _ = MISTAKES["a finished thread keeps its function"]
    _, said = said_by(tmp_path, "gcc", "-O2", native=with_mistake(tmp_path, old, new), mistake=True)
    assert said == "runs\nruns\n"


@each_compiler
def test_who_waits_on_memory_that_is_gone_is_reported(tmp_path, compiler):
    """What the optimizer leaves of the trampoline may need no memory; what a sanitizer adds to it does."""
    old, new, _ = MISTAKES["memory is given back, and somebody waits on it"]
    status, said = said_by(tmp_path, compiler, "-O0", *SANITIZED["address"], native=with_mistake(tmp_path, old, new))
    assert status != 0 and ("AddressSanitizer" in said or "runtime error" in said), said
