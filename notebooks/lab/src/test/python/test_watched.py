"""The sanitizers know which stack runs: programs that they would report wrongly, or not at all, if they were not told.

Each program runs twice: with the header that tells of each switch, and with one in which that line is missing.
"""

import re
import shutil
import sys

import pytest

from expected import RUNTIME
from project import NATIVE, run, tool
from test_native import COMPILERS, STRICT

pytestmark = pytest.mark.chapter("07")

# A thread leaves deep calls by a jump. The marks around their variables have to be cleared away, or
# the next function that uses the same memory steps on them.
JUMPS = """
#include <setjmp.h>
static jmp_buf back;

__attribute__((noinline)) static void fill(volatile char *room, int size) {
    for (int i = 0; i < size; i++)
        room[i] = (char)i;
}

__attribute__((noinline)) static void deep(int calls) {
    char room[40];
    fill(room, sizeof room);
    if (calls > 0)
        deep(calls - 1);
    if (calls == 0)
        longjmp(back, 1);
    fill(room, sizeof room);
}

__attribute__((noinline)) static void jump(void) {
    if (setjmp(back) == 0)
        deep(20);
}

__attribute__((noinline)) static void use_the_same_memory(void) {
    char room[4000];
    fill(room, sizeof room);
}

static void first(void) {
    jump();
    use_the_same_memory();
}

int main(void) {
    struct runtime *r = new_runtime(2, 64 * 1024);
    spawn(r, first);
    run(r);
    free_runtime(r);
    puts("well");
}
"""

# A variable whose address is known to others may lie in memory of the sanitizer's own, to be kept for
# some time after its function has returned. A jump makes it look for those that it need not keep:
# all that lie below, on this stack.
WAITS = """
#include <setjmp.h>
static jmp_buf back;

__attribute__((noinline)) static void fill(volatile char *room, int size, int value) {
    for (int i = 0; i < size; i++)
        room[i] = (char)value;
}

static void first(void) {
    char room[100];
    fill(room, sizeof room, 1);
    yield_thread();
    for (int i = 0; i < 100; i++)
        if (((volatile char *)room)[i] != 1)
            puts("overwritten");
}

__attribute__((noinline)) static void deep(int calls) {
    char room[100];
    fill(room, sizeof room, 2);
    if (calls > 0)
        deep(calls - 1);
    fill(room, sizeof room, 3);
}

__attribute__((noinline)) static void jump(void) {
    longjmp(back, 1);
}

static void second(void) {
    if (setjmp(back) == 0)
        jump();
    for (int i = 0; i < 100; i++)
        deep(100);
}

int main(void) {
    struct runtime *r = new_runtime(2, 64 * 1024);
    spawn(r, first);
    spawn(r, second);
    run(r);
    free_runtime(r);
    puts("well");
}
"""

# So many threads never return from where they began. Were there one list of the functions that have
# been entered, it would grow until it is full.
ENDS = """
int main(void) {
    if (spawn_ns(25000) > 0)
        puts("well");
}
"""

# A race that there is: thread 1 against an OS thread. The report has to say who called whom.
RACES = """
#include <pthread.h>
static long shared;

static void *in_the_system(void *unused) {
    shared++;
    return unused;
}

__attribute__((noinline)) static void collide(void) {
    shared++;
    __asm__ volatile("");
}

static void first(void) {
    yield_thread();
    collide();
    __asm__ volatile("");
}

__attribute__((noinline)) static void innocent(void) {
    yield_thread();
    yield_thread();
    __asm__ volatile("");
}

static void second(void) {
    innocent();
    __asm__ volatile("");
}

int main(void) {
    struct runtime *r = new_runtime(2, 64 * 1024);
    pthread_t other;
    pthread_create(&other, NULL, in_the_system, NULL);
    spawn(r, first);
    spawn(r, second);
    run(r);
    pthread_join(other, NULL);
    free_runtime(r);
    puts("well");
}
"""

each_compiler = pytest.mark.parametrize("compiler", COMPILERS)


def said_by(folder, compiler, sanitizer, program, told, level="-O1", **options):
    """What a program prints that uses chapter 07, under a sanitizer; and how it ended."""
    native = folder / "native"
    shutil.copytree(NATIVE, native)
    if not told:
        header = native / "arch" / "watch.h"
        text, missing = re.subn(r"(?m)^#define switch_stack\(.*\n", "", header.read_text(encoding="utf-8"))
        assert missing == 1
        header.write_text(text, encoding="utf-8")
    (folder / "unit.c").write_text(f'#include "{RUNTIME}.c"\n{program}')
    words = [*STRICT, "-Wno-unused-function", level, "-g", f"-fsanitize={sanitizer}", f"-I{native}"]
    if sanitizer == "address" and compiler == "clang":
        words.append("-fno-sanitize-address-use-after-scope")  # it would clear away what it finds, as a side effect
    found = tool(compiler, why=COMPILERS[compiler])
    status, said = run([found, *words, folder / "unit.c", "-o", folder / "unit"])
    assert status == 0 and said == "", said
    fixed = [tool("setarch", why="it switches off address randomization"), "-R"] if sys.platform == "linux" else []
    settings = {"ASAN_OPTIONS": "detect_stack_use_after_return=0", **options}
    return run(["env", *(f"{name}={value}" for name, value in settings.items()), *fixed, folder / "unit"])


@each_compiler
@pytest.mark.parametrize("returned", [0, 1], ids=["", "use after return"])
def test_a_jump_out_of_deep_calls(tmp_path, compiler, returned):
    options = {"ASAN_OPTIONS": f"detect_stack_use_after_return={returned}"}
    assert said_by(tmp_path, compiler, "address", JUMPS, True, **options) == (0, "well\n")


@each_compiler
def test_a_jump_is_reported_if_nobody_tells(tmp_path, compiler):
    status, said = said_by(tmp_path, compiler, "address", JUMPS, False)
    assert status != 0 and "AddressSanitizer: stack-buffer-" in said, said


@each_compiler
def test_a_variable_outlives_a_jump_of_another_thread(tmp_path, compiler):
    options = {"ASAN_OPTIONS": "detect_stack_use_after_return=1"}
    assert said_by(tmp_path, compiler, "address", WAITS, True, **options) == (0, "well\n")


@each_compiler
def test_a_variable_is_lost_if_nobody_tells(tmp_path, compiler):
    options = {"ASAN_OPTIONS": "detect_stack_use_after_return=1"}
    status, said = said_by(tmp_path, compiler, "address", WAITS, False, **options)
    assert status != 0 or "overwritten" in said, said


@each_compiler
def test_threads_without_number(tmp_path, compiler):
    assert said_by(tmp_path, compiler, "thread", ENDS, True, level="-O0") == (0, "well\n")


def test_threads_without_number_are_too_many_if_nobody_tells(tmp_path):
    """gcc's sanitizer says so; clang's lets the list grow over other memory."""
    status, said = said_by(tmp_path, "gcc", "thread", ENDS, False, level="-O0")
    assert status != 0 and "well" not in said, said


def callers(said):
    """The functions in a report of a race, from the one that `collide` stands in, outwards."""
    frames = re.search(r"#0 collide .*\n((?: +#\d+ .*\n)*)", said)
    assert frames, said
    return re.findall(r"#\d+ (\w+)", frames[1])


@each_compiler
def test_a_race_is_reported_where_it_is(tmp_path, compiler):
    status, said = said_by(tmp_path, compiler, "thread", RACES, True)
    assert status == 66 and "data race" in said, said
    assert callers(said) == ["first", "thread_entry"], said


@each_compiler
def test_a_race_is_reported_elsewhere_if_nobody_tells(tmp_path, compiler):
    status, said = said_by(tmp_path, compiler, "thread", RACES, False)
    assert status == 66 and "data race" in said, said
    assert callers(said) != ["first", "thread_entry"], said
