"""The switches keep every register they must, and a test that looks for a lost one finds it; guards catch."""

import re
import shutil
import signal
import subprocess

import pytest

from project import NATIVE, run, tool
from test_native import AARCH64, HERE, STRICT, X86_64

HEADERS = {X86_64: "x86_64-sysv.h", AARCH64: "aarch64.h"}

# Chapter 05's switch stores and loads by name; each register has two lines (on AArch64 a pair has).
SWITCH_CONTEXT = {
    X86_64: ["r15", "r14", "r13", "r12", "rbx", "rbp"],
    AARCH64: ["x19", "x21", "x23", "x25", "x27", "x29", "d8", "d10", "d12", "d14"],
}

# Chapter 07's pushes and pops; what stands in place of a line leaves the stack's layout as it is.
SWITCH_STACK = {
    X86_64: ["rbp", "rbx", "r12", "r13", "r14", "r15"],
    AARCH64: ["x19", "x21", "x23", "x25", "x27", "x29", "d8", "d10", "d12", "d14"],
}


def compiler(architecture):
    """The words that compile for it, and those that run what they made."""
    if architecture == HERE:
        return [tool("gcc", "clang", why="it compiles the chapters")], []
    if architecture == X86_64:
        pytest.skip("no compiler for x86-64 is looked for on this machine")
    words = [tool("aarch64-linux-gnu-gcc", why="it compiles for AArch64"), "-static"]
    return words, [tool("qemu-aarch64", "qemu-aarch64-static", why="it runs AArch64 programs")]


def number(tmp_path, architecture, native, chapter, expression):
    words, runner = compiler(architecture)
    unit, program = tmp_path / "number.c", tmp_path / "number"
    unit.write_text(
        f'#include "{chapter}.c"\n'
        f'int main(void) {{ printf("number: %ld\\n", (long)({expression})); return 0; }}\n'
    )
    status, said = run([*words, *STRICT, "-Wno-unused-function", "-O2", f"-I{native}", unit, "-o", program])
    assert status == 0, said
    status, said = run([*runner, program])
    assert status == 0, said
    return int(re.search(r"^number: (-?\d+)$", said, re.MULTILINE)[1])


def mutant(tmp_path, architecture, function, change):
    """A copy of native/ in which `change` was made to the lines of one assembly function."""
    native = tmp_path / "native"
    shutil.copytree(NATIVE, native)
    header = native / "arch" / HEADERS[architecture]
    text = header.read_text(encoding="utf-8")
    begin = text.index(f"ASM_FUNCTION({function})")
    end = text.index(f"ASM_END({function})")
    lines = text[begin:end].splitlines(keepends=True)
    changed = [change(line) for line in lines]
    different = [(a, b) for a, b in zip(lines, changed) if a != b]
    assert len(different) == 2, f"a store and a load, not {different}"
    header.write_text(text[:begin] + "".join(changed) + text[end:], encoding="utf-8")
    return native


def each(table):
    cases = [(architecture, register) for architecture, registers in table.items() for register in registers]
    return pytest.mark.parametrize("architecture, register", cases, ids=[f"{a}-{r}" for a, r in cases])


@pytest.mark.parametrize("architecture", HEADERS)
def test_nothing_is_lost(tmp_path, architecture):
    assert number(tmp_path, architecture, NATIVE, "05-there-and-back", "lost_by(0, NULL, 0)") == 0
    assert number(tmp_path, architecture, NATIVE, "07-the-runtime-in-200-lines", "registers_lost()") == 0


@each(SWITCH_CONTEXT)
def test_a_register_that_switch_context_drops_is_missed(tmp_path, architecture, register):
    def change(line):
        return "" if re.search(rf"(mov|stp|ldp|str|ldr)\b.*\b{register}\b", line) else line

    native = mutant(tmp_path, architecture, "switch_context", change)
    lost = number(tmp_path, architecture, native, "05-there-and-back", "lost_by(0, NULL, 0)")
    assert lost == (1 if architecture == X86_64 or register == "x29" else 2)


@each(SWITCH_STACK)
def test_a_register_that_switch_stack_drops_is_missed(tmp_path, architecture, register):
    def change(line):
        if register == "x29":  # its companion, the return address, has to stay
            return line.replace("stp     x29", "stp     xzr").replace("ldp     x29", "ldp     x9")
        if architecture == AARCH64:
            return "" if re.search(rf"(stp|ldp) +{register},", line) else line
        line = re.sub(rf"push +{register}\b", "lea rsp, [rsp - 8]", line)
        return re.sub(rf"pop +{register}\b", "lea rsp, [rsp + 8]", line)

    native = mutant(tmp_path, architecture, "switch_stack", change)
    lost = number(tmp_path, architecture, native, "07-the-runtime-in-200-lines", "registers_lost()")
    assert lost == (1 if architecture == X86_64 or register == "x29" else 2)


@pytest.mark.parametrize(
    "chapter, expression",
    [
        ("04-the-stack", "overflow(65536, 1000000, best_guard())"),
        ("04-the-stack", "overflow(65536, 1000000, GUARD_MPROTECT)"),
        ("07-the-runtime-in-200-lines", "overflow(65536, 1000000)"),
    ],
)
def test_a_guard_page_catches_an_overflow(tmp_path, chapter, expression):
    words, _ = compiler(HERE)
    unit, program = tmp_path / "overflow.c", tmp_path / "overflow"
    unit.write_text(f'#include "{chapter}.c"\nint main(void) {{ return {expression} < 0; }}\n')
    status, said = run([*words, *STRICT, "-Wno-unused-function", "-O2", f"-I{NATIVE}", unit, "-o", program])
    assert status == 0, said
    assert subprocess.run([program], timeout=60).returncode in (-signal.SIGSEGV, -signal.SIGBUS)
