"""Every chapter's C file, alone: each compiler, each level, the sanitizers, Valgrind, other machines."""

import functools
import platform
import re
import sys

import pytest

import expected
from expected import AARCH64, X86_64
from project import NATIVE, run, tool

CHAPTERS = sorted(path.stem for path in NATIVE.glob("*.c"))
COMPILERS = {"gcc": "the chapters promise gcc and clang both", "clang": "the chapters promise gcc and clang both"}
LEVELS = ["-O0", "-O1", "-O2", "-O3"]
STRICT = ["-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"]
HERE = {"x86_64": X86_64, "amd64": X86_64, "arm64": AARCH64, "aarch64": AARCH64}[platform.machine().lower()]

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS)
each_compiler = pytest.mark.parametrize("compiler", COMPILERS)
each_level = pytest.mark.parametrize("level", LEVELS)


SECONDS = 15  # about as long as a group takes


def group(item):
    """Of a chapter: they share the program that tells its facts."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return f"native {given.get('chapter', '')}"


FACTS = [(chapter, *fact) for chapter in CHAPTERS for fact in expected.of(chapter).FACTS]


@each_chapter
def test_it_is_said_what_the_program_prints(chapter):
    assert expected.of(chapter).PROGRAM, f"{expected.file_of(chapter).name} has no PROGRAM"


def found(compiler):
    return tool(compiler, why=COMPILERS[compiler])


def compiled(tmp_path, chapter, *words, output="demo"):
    """Compiles native/CHAPTER.c without a word from the compiler, and returns the result's path."""
    target = tmp_path / output
    status, said = run([*words, NATIVE / f"{chapter}.c", "-o", target])
    assert status == 0 and said == "", said
    return target


def differences(lines, chapter, architecture):
    """Where a program's lines differ from the chapter's expectations; empty if they agree."""
    wanted = expected.of(chapter).PROGRAM
    if isinstance(wanted, dict):
        wanted = wanted[architecture]
    wrong = []
    for i in range(max(len(lines), len(wanted))):
        want = wanted[i] if i < len(wanted) else None
        got = lines[i] if i < len(lines) else None
        if isinstance(want, re.Pattern):
            right = got is not None and want.fullmatch(got)
        else:
            right = got == want
        if not right:
            wrong.append(f"line {i + 1}: expected {want!r}, printed {got!r}")
    return wrong


def prints_what_it_should(words, chapter, architecture=HERE, **more):
    status, said = run(words, **more)
    assert status == 0, f"exit status {status}:\n{said}"
    wrong = differences(said.splitlines(), chapter, architecture)
    assert not wrong, "\n".join(wrong)


def test_the_comparison_can_fail():
    good = ["I LOVE WAKING UP ON A NEW STACK!", "Back on the old stack."]
    last = "hello used 640 bytes of the new one. The book gave it 48."
    name = "03-a-single-stack-swap"
    assert differences([*good, last], name, HERE) == []
    assert differences(good, name, HERE), "a line is missing"
    assert differences([*good, last, ""], name, HERE), "a line too many"
    assert differences([*good, last.replace("640", "-1")], name, HERE), "no number"
    assert differences([good[1], good[0], last], name, HERE), "another order"


# ---------------------------------------------------------------- on this machine


@each_level
@each_compiler
@each_chapter
def test_program(tmp_path, chapter, compiler, level):
    demo = compiled(tmp_path, chapter, found(compiler), *STRICT, level, "-DMAIN")
    prints_what_it_should([demo], chapter)


@each_level
@each_compiler
@each_chapter
def test_library(tmp_path, chapter, compiler, level):
    """As the lab compiles it: every function defined, no stack that is executable, no way in for others."""
    suffix = "dylib" if sys.platform == "darwin" else "so"
    words = [found(compiler), *STRICT, level, "-g", "-fPIC", "-shared"]
    if sys.platform == "linux":
        words += ["-Wl,-z,defs", "-Wl,--fatal-warnings"]
    library = compiled(tmp_path, chapter, *words, output=f"library.{suffix}")
    if sys.platform != "linux":
        return
    readelf = tool("readelf", why="it shows what a library asks of the system")
    status, said = run([readelf, "--wide", "--segments", "--dyn-syms", library])
    assert status == 0
    stack = re.search(r"GNU_STACK .* (R\S*)\s+0x", said)
    assert stack and "E" not in stack[1], f"the library wants an executable stack: {stack}"
    exported = set(re.findall(r"FUNC\s+GLOBAL\s+DEFAULT\s+\d+\s+(\w+)$", said, re.MULTILINE))
    assert exported, "a chapter's functions must be visible"
    assert not exported & assembly_functions(), "assembly functions are to be hidden"


def assembly_functions():
    """The functions that the headers of native/arch promise, and a machine keeps."""
    promises = [path for path in (NATIVE / "arch").glob("*.h") if (path.parent / "x86_64-sysv" / path.name).exists()]
    text = "".join(path.read_text(encoding="utf-8") for path in promises)
    text = re.sub(r"/\*.*?\*/|^#.*?(?<!\\)$", "", text, flags=re.DOTALL | re.MULTILINE)
    names = set(re.findall(r"^[a-z][\w ]*?\**(\w+)\(", text, re.MULTILINE))
    assert {"capture", "swap", "switch_stack"} <= names, "the headers were not understood"
    return names


@each_compiler
@each_chapter
def test_intel_dialect_everywhere(tmp_path, chapter, compiler):
    """The assembly states its dialect itself, so it does not matter which one the compiler writes."""
    if HERE != X86_64:
        pytest.skip("this machine's assembly has one dialect only")
    demo = compiled(tmp_path, chapter, found(compiler), *STRICT, "-O2", "-masm=intel", "-DMAIN")
    prints_what_it_should([demo], chapter)


@each_compiler
@each_chapter
def test_address_and_undefined_behaviour(tmp_path, chapter, compiler):
    words = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-DMAIN"]
    demo = compiled(tmp_path, chapter, found(compiler), *STRICT, *words)
    prints_what_it_should([demo], chapter)


@pytest.mark.parametrize(
    "chapter, compiler",
    [(c, by) for c in CHAPTERS for by in COMPILERS if by not in expected.of(c).WITHOUT_THREAD_SANITIZER],
)
def test_data_races(tmp_path, chapter, compiler):
    """Those with threads of the system have none; in the others, the sanitizer is not confused by our switches."""
    words = ["-O1", "-g", "-fsanitize=thread", "-DMAIN"]
    demo = compiled(tmp_path, chapter, found(compiler), *STRICT, *words)
    # Its shadow memory wants the classic layout of addresses.
    fixed = [tool("setarch", why="it switches off address randomization"), "-R"] if sys.platform == "linux" else []
    prints_what_it_should([*fixed, demo], chapter)


@each_chapter
def test_valgrind(tmp_path, chapter):
    valgrind = tool("valgrind", why="it sees reads of memory that was never written")
    demo = compiled(tmp_path, chapter, found("gcc"), *STRICT, "-O1", "-g", "-DMAIN")
    words = [valgrind, "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]
    prints_what_it_should([*words, demo], chapter)


FACT = """
static __attribute__((noinline)) long fact_{number}(void) {{
    return (long)({expression});
}}
"""
TELL = """
int main(int argc, char **argv) {{
    static long (*const facts[])(void) = {{{names}}};
    printf("fact: %ld\\n", facts[argc > 1 ? atoi(argv[1]) : 0]());
    return 0;
}}
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """For a chapter, the program that tells the fact of a number: compiled when it is first asked for."""

    @functools.cache
    def program(chapter):
        folder = tmp_path_factory.mktemp("facts")
        expressions = [fact[1] for fact in FACTS if fact[0] == chapter]
        text = f'#include "{chapter}.c"\n#include <stdlib.h>\n_Alignas(16) char memory[64 * 1024];\n'
        text += "".join(FACT.format(number=i, expression=expression) for i, expression in enumerate(expressions))
        text += TELL.format(names=", ".join(f"fact_{i}" for i in range(len(expressions))))
        (folder / "facts.c").write_text(text, encoding="utf-8")
        words = [found("gcc"), *STRICT, "-Wno-unused-function", "-O2", f"-I{NATIVE}", folder / "facts.c", "-o", folder / "facts"]
        status, said = run(words)
        assert status == 0, said
        return {expression: [folder / "facts", i] for i, expression in enumerate(expressions)}

    return program


@pytest.mark.parametrize("chapter, expression, lowest, highest", FACTS, ids=[f"{f[0]}: {f[1]}" for f in FACTS])
def test_fact(facts, chapter, expression, lowest, highest):
    """Each in a process of its own."""
    status, said = run(facts(chapter)[expression])
    assert status == 0
    assert lowest <= int(re.search(r"^fact: (-?\d+)$", said, re.MULTILINE)[1]) <= highest


# ---------------------------------------------------------------- on another machine; test_machines.py has more of them


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@each_compiler
@each_chapter
def test_aarch64(tmp_path, chapter, compiler, level):
    if HERE == AARCH64:
        pytest.skip("this machine is AArch64 itself: test_program has seen it")
    if compiler == "gcc":
        words = [tool("aarch64-linux-gnu-gcc", why="it compiles for AArch64")]
    else:
        tool("aarch64-linux-gnu-gcc", why="its libraries are what clang links for AArch64")
        words = [found("clang"), "--target=aarch64-linux-gnu"]
    qemu = tool("qemu-aarch64", "qemu-aarch64-static", why="it runs AArch64 programs")
    demo = compiled(tmp_path, chapter, *words, *STRICT, "-static", level, "-DMAIN")
    prints_what_it_should([qemu, demo], chapter, AARCH64)
