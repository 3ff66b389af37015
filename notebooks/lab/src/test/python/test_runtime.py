"""The runtime finds a register that its switch loses; guard pages catch; what the benchmark measures still runs."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from expected import AARCH64, RUNTIME, X86_64
from project import LAB, NATIVE, NOTEBOOKS, run, tool
from test_native import HERE, STRICT

SECONDS = 40  # about as long as it takes

# Chapter 07's pushes and pops; what stands in place of a line leaves the stack's layout as it is. On
# AArch64 each line has two of them. test_machines.py drops each single one, and those of chapter 05.
FOLDERS = {X86_64: "x86_64-sysv", AARCH64: "aarch64"}
SWITCH_STACK = {
    X86_64: ["rbp", "rbx", "r12", "r13", "r14", "r15"],
    AARCH64: ["x19", "x21", "x23", "x25", "x27", "d8", "d10", "d12", "d14"],
}


def compiled(folder, main, *words, native=NATIVE):
    """A program with this body of `main`, which may use all of chapter WORDS[0]."""
    chapter, *flags = words
    unit, program = folder / "unit.c", folder / "unit"
    unit.write_text(f'#include "{chapter}.c"\nint main(void) {{ {main} }}\n')
    compiler = tool("gcc", "clang", why="it compiles the chapters")
    status, said = run([compiler, *STRICT, "-Wno-unused-function", "-O2", f"-I{native}", *flags, unit, "-o", program])
    assert status == 0, said
    return program


def mutant(tmp_path, function, change):
    """A copy of native/ in which `change` was made to the lines of one assembly function."""
    native = tmp_path / "native"
    shutil.copytree(NATIVE, native)
    header = native / "arch" / FOLDERS[HERE] / "runtime.h"
    text = header.read_text(encoding="utf-8")
    begin = text.index(f"ASM_FUNCTION({function})")
    end = text.index(f"ASM_END({function})")
    lines = text[begin:end].splitlines(keepends=True)
    changed = [change(line) for line in lines]
    different = [(a, b) for a, b in zip(lines, changed) if a != b]
    assert len(different) == 2, f"a store and a load, not {different}"
    header.write_text(text[:begin] + "".join(changed) + text[end:], encoding="utf-8")
    return native


@pytest.mark.chapter("07")
@pytest.mark.parametrize("register", SWITCH_STACK[HERE])
def test_the_runtime_misses_a_register_that_its_switch_drops(tmp_path, register):
    def change(line):
        if HERE == AARCH64:
            return "" if re.search(rf"(stp|ldp) +{register},", line) else line
        line = re.sub(rf"push +{register}\b", "lea rsp, [rsp - 8]", line)
        return re.sub(rf"pop +{register}\b", "lea rsp, [rsp + 8]", line)

    native = mutant(tmp_path, "switch_stack", change)
    status, said = run([compiled(tmp_path, "return registers_lost();", RUNTIME, native=native)])
    assert status == (1 if HERE == X86_64 else 2), said


@pytest.mark.parametrize(
    "chapter, expression",
    [
        ("04-the-stack", "overflow(65536, 1000000, best_guard())"),
        ("04-the-stack", "overflow(65536, 1000000, GUARD_MPROTECT)"),
        (RUNTIME, "overflow(65536, 1000000)"),
    ],
)
def test_a_guard_page_catches_an_overflow(tmp_path, chapter, expression):
    program = compiled(tmp_path, f"return {expression} < 0;", chapter)
    assert subprocess.run([program], timeout=60).returncode in (-signal.SIGSEGV, -signal.SIGBUS)


# An emulator that takes the mark of a guard page for advice, which need not be followed.
SAYS_YES = """
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>
#define madvise(low, size, advice) 0
static inline int is_kept(const char *at) { int ends[2]; return pipe(ends) == 0 && write(ends[1], at, 1) < 0; }
"""
# Below the first stack that a runtime makes.
BELOW_A_STACK = "({ struct runtime *r = new_runtime(1, 65536); take_place(r); is_kept(r->areas + r->page_size - 1); })"


@pytest.mark.skipif(sys.platform != "linux", reason="no other system marks guard pages: there is nothing to say yes to")
@pytest.mark.parametrize(
    "chapter, expression",
    [
        pytest.param("04-the-stack", "best_guard() == GUARD_MPROTECT", marks=pytest.mark.chapter("04")),
        pytest.param("11-how-fast-how-many", "guards_are_marked() == 0", marks=pytest.mark.chapter("11")),
        pytest.param(RUNTIME, BELOW_A_STACK, marks=pytest.mark.chapter("07")),
        pytest.param("09-results-and-channels", BELOW_A_STACK, marks=pytest.mark.chapter("09")),
        pytest.param("12-waiting", BELOW_A_STACK, marks=pytest.mark.chapter("12")),
    ],
)
def test_a_guard_page_that_is_none_is_not_believed(tmp_path, chapter, expression):
    source = tmp_path / "says_yes.c"
    source.write_text(f'{SAYS_YES}#include "{NATIVE / chapter}.c"\nint main(void) {{ return {expression} ? 0 : 1; }}\n')
    program = tmp_path / "says_yes"
    status, said = run(["gcc", "-std=c17", "-pthread", "-Wno-unused-function", f"-I{NATIVE}", source, "-o", program])
    assert status == 0, said
    assert run([program])[0] == 0


# The names that it prints; the numbers are of no machine.
TURNS_IN_JAVA = {
    "schedule": 5.5, "continuation": 90.5, "green": 95.5, "virtual-100": 135.5, "virtual-10000": 140.5,
    "virtual-1000000": 1400.5, "life-continuation": 22.5, "life-green": 60.5, "life-virtual": 380.5,
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Runs what `./build.sh bench` runs, compiled once: one round of its hundred, so what it says of time is worth nothing."""
    folder = tmp_path_factory.mktemp("bench")
    compiler = tool("gcc", "clang", why="it compiles the chapters")
    flags = ["-std=c17", "-Wall", "-Wextra", "-Werror", "-O2", "-pthread"]
    if sys.platform == "linux":
        flags.append("-Wl,-Bsymbolic")
    libraries = []
    for chapter in ("05-there-and-back", "06-threads-and-a-scheduler", RUNTIME):
        libraries.append(folder / f"{chapter}.so")
        source = NATIVE / f"{chapter}.c"
        status, said = run([compiler, *flags, "-fPIC", "-shared", source, "-o", libraries[-1]])
        assert status == 0 and said == "", said
    for way in ("jumps", "returns"):
        libraries.append(folder / f"{way}.so")
        switch = f"-DSWITCH=switch_stack_that_{way}"
        status, said = run([compiler, *flags, switch, "-fPIC", "-shared", source, "-o", libraries[-1]])
        assert status == 0 and said == "", said
    for chapter in ("09-results-and-channels", "11-how-fast-how-many"):
        libraries.append(folder / f"{chapter}.so")
        status, said = run([compiler, *flags, "-fPIC", "-shared", NATIVE / f"{chapter}.c", "-o", libraries[-1]])
        assert status == 0 and said == "", said
    program = folder / "bench"
    status, said = run([compiler, *flags, LAB / "src/test/native/bench.c", "-o", program, "-ldl"])
    assert status == 0 and said == "", said

    environment = {name: value for name, value in os.environ.items() if name not in ("CHANNEL_IN_GO", "TURNS_IN_JAVA")}
    # As peers/java/Turns.java says it, which has a test of its own.
    turns = folder / "turns-in-java.txt"
    turns.write_text("".join(f"{name} {ns}\n" for name, ns in TURNS_IN_JAVA.items()))
    environment |= {"TURNS_IN_JAVA": str(turns), "MOST_THREADS": "20000"}
    go = shutil.which("go")
    if go:
        cache = {"GOCACHE": str(folder / "go"), "GO111MODULE": "off"}
        words = [go, "build", "-o", folder / "channel", LAB / "src/test/native/channel.go"]
        status, told = run(words, env={**environment, **cache}, timeout=300)
        assert status == 0, told
        environment["CHANNEL_IN_GO"] = str(folder / "channel")

    def measure(*peers):
        status, said = run([program, *libraries, 1, *peers], env=environment)
        rows = re.findall(r"^  (\S.*?) {2,}(\d+\.\d|missing)(?: +\d+\.\d){0,2}$", said, re.MULTILINE)
        assert len(rows) == 74, said
        assert all(value == "missing" or float(value) > 0 for _, value in rows), said
        return status, said, {name for name, value in rows if value == "missing"}

    return measure


@pytest.mark.chapter("05", "06", "07", "09")
def test_the_benchmark_measures_all_that_it_names(bench):
    status, said, missing = bench()
    assert all(re.match(r"(Boost\.Context|libco|corosensei|Go), |Go$|the book, ", name) for name in missing), said
    promises = re.findall(r"^(.*?) +\d+\.\d\d, at most \d+\.\d\d: (?:kept|missed)$", said, re.MULTILINE)
    boost = not any(name.startswith("Boost") for name in missing)
    # Of chapter 11's: two beside Boost.Context, one beside virtual threads, one beside Continuation, six calls down, memory.
    assert len(promises) == 15 + ("Go" not in missing) + 2 * boost + 4, said
    assert status == (1 if ": missed\n" in said else 0), said
    if any(name.startswith("Boost") for name in missing):
        pytest.skip("Boost.Context (libboost-context-dev) is not installed: the benchmark compares with it")


PEERS = {
    "corosensei": ("cargo", "build --release --locked --target-dir", "release/libcorosensei_peer"),
    "book": ("cargo", "build --release --locked --target-dir", "release/libbook_peer"),
    "go": ("go", "build -buildmode=c-shared -o", ""),
}


@pytest.mark.parametrize("peer", PEERS)
def test_the_benchmark_measures_a_peer(tmp_path, bench, peer):
    """As ./build.sh peers builds it: its versions are pinned, so it still compiles."""
    program, words, made = PEERS[peer]
    folder = LAB / "src" / "test" / "native" / "peers" / peer
    command = [tool(program, why=f"it builds {peer} for the benchmark"), *words.split(), tmp_path / "peer"]
    status, said = run(command, cwd=folder, env={**os.environ, "CGO_ENABLED": "1"})
    assert status == 0, said
    suffix = "dylib" if sys.platform == "darwin" else "so"
    _, said, missing = bench(tmp_path / "peer" / f"{made}.{suffix}" if made else tmp_path / "peer")
    assert not any(name.lower().removeprefix("the ").startswith(peer) for name in missing), said


@pytest.mark.chapter("11", "13")
def test_the_jdk_is_asked(tmp_path):
    """All that bench.c looks for is said, with a number; few threads are enough to see that."""
    library = tmp_path / "11.so"
    compiler = tool("gcc", "clang", why="it compiles the chapters")
    status, said = run([compiler, "-std=c17", "-O2", "-fPIC", "-shared", NATIVE / "11-how-fast-how-many.c", "-o", library])
    assert status == 0, said
    java = os.path.join(os.environ["JAVA_HOME"], "bin", "java")
    flags = ["--add-exports", "java.base/jdk.internal.vm=ALL-UNNAMED", "--enable-native-access=ALL-UNNAMED"]
    turns = LAB / "src" / "test" / "native" / "peers" / "java" / "Turns.java"
    status, said = run([f"{java}c", *flags[:2], "-d", tmp_path, NOTEBOOKS / "GreenThreads.java", turns])
    assert status == 0, said
    words = ["-Djdk.virtualThreadScheduler.parallelism=1", "-cp", tmp_path, "Turns", library, 1000]
    status, said = run([java, *flags, *words], timeout=300)
    assert status == 0, said
    found = dict(re.findall(r"^([a-z]+(?:-\w+)?) (\d+\.\d+)", said, re.MULTILINE))
    assert set(found) == set(TURNS_IN_JAVA) and all(float(ns) > 0 for ns in found.values()), said
