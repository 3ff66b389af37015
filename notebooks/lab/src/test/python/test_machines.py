"""The four machines, and macOS: what the chapters print there, and what the switches keep.

Programs for AArch64 and RISC-V run under qemu-user, those for Windows under Wine. Those for macOS
run on a Mac only: here they are compiled and linked, and their symbols are looked at.
"""

import importlib.util
import os
import re
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass

import pytest

import expected
from expected import AARCH64, CALLEE_SAVED, RISCV64, RUNTIME, THE_29_LINES, WINDOWS, X86_64, words_of
from kernels import installed_spec, java_words
from project import BUILD, LAB, NATIVE, run, tool
from test_native import CHAPTERS, HERE, STRICT, prints_what_it_should

SECONDS = 60  # about as long as it takes

LEVELS = ["-O0", "-O2"]


@dataclass(frozen=True)
class Machine:
    """Where programs can be compiled for, and run."""

    folder: str
    title: str
    compilers: tuple
    emulators: tuple = ()


MACHINES = {
    X86_64: Machine("x86_64-sysv", "x86-64, Linux", ("gcc", "clang")),
    AARCH64: Machine(
        "aarch64", "AArch64, Linux", ("aarch64-linux-gnu-gcc",), ("qemu-aarch64", "qemu-aarch64-static")
    ),
    RISCV64: Machine(
        "riscv64", "RISC-V 64, Linux", ("riscv64-linux-gnu-gcc",), ("qemu-riscv64", "qemu-riscv64-static")
    ),
    # The last of these is where Debian puts it.
    WINDOWS: Machine(
        "x86_64-windows",
        "x86-64, Windows",
        ("x86_64-w64-mingw32-gcc",),
        ("wine64", "wine", "/usr/lib/wine/wine64"),
    ),
}
MACOS = {"x86_64-macos": "x86-64, macOS", "aarch64-macos": "AArch64, macOS"}


def title(machine):
    """What Lab.plain calls it. This machine may be a Mac."""
    linux = MACHINES[machine].title
    return linux.replace("Linux", "macOS") if machine == HERE and sys.platform == "darwin" else linux


each_machine = pytest.mark.parametrize("machine", MACHINES)
each_level = pytest.mark.parametrize("level", LEVELS)


@pytest.fixture(scope="session")
def wine(tmp_path_factory):
    """The words that run a Windows program, and their environment: a Windows of its own."""
    program = tool(*MACHINES[WINDOWS].emulators, why="it runs Windows programs")
    folder = tmp_path_factory.mktemp("wine")
    (folder / "hello.c").write_text('#include <stdio.h>\nint main(void) { puts("ready"); }\n')
    status, said = run([*compiler(WINDOWS), folder / "hello.c", "-o", folder / "hello.exe"])
    assert status == 0, said

    # The first is how Wine runs what makes a folder C: of 700 MB, which takes most of a minute: with
    # its libraries as they are installed. Our programs want no more than these. If a Wine wants to
    # make the folder nevertheless, let it.
    less = "mscoree,mshtml,explorer.exe,winedbg.exe,winemenubuilder.exe"
    common = {**os.environ, "WINEDEBUG": "-all"}
    quick = {**common, "WINEBOOTSTRAPMODE": "1", "WINEDLLOVERRIDES": f"{less},wineboot.exe="}
    usual = {**common, "WINEDLLOVERRIDES": f"{less}="}
    server = shutil.which("wineserver") or os.path.join(os.path.dirname(program), "wineserver")
    for name, environment in (("quick", quick), ("usual", usual)):
        environment["WINEPREFIX"] = str(folder / name)
        try:
            status, said = run([program, folder / "hello.exe"], env=environment, timeout=300)
            if status == 0 and said.endswith("ready\n"):
                yield [program], environment
                return
        finally:
            run([server, "-k"], env=environment)
    pytest.fail(f"Wine does not start: {said}")


@pytest.fixture
def runner(request):
    """For a machine, the words that run a program of it, and what to run them with."""

    def of(machine):
        if machine == HERE:
            return [], {}
        if machine == WINDOWS:
            words, environment = request.getfixturevalue("wine")
            return words, {"env": environment}
        if machine == X86_64:
            pytest.skip("nothing that runs x86-64 Linux programs is looked for on this machine")
        return [tool(*MACHINES[machine].emulators, why=f"it runs programs for {machine}")], {}

    return of


def compiler(machine, by=None):
    """The words that compile for it, by this compiler of those it has, or by the first."""
    if machine == X86_64 != HERE:
        pytest.skip("no compiler for x86-64 Linux is looked for on this machine")
    names = [by] if by else MACHINES[machine].compilers if machine != HERE else ["gcc", "clang"]
    words = [tool(*names, why=f"it compiles for {machine}")]
    return words if machine == HERE else [*words, "-static"]


def program(folder, machine, source, *words, by=None):
    """A program compiled for this machine, without a word from the compiler."""
    target = folder / "program.exe"  # Wine wants its name to end so
    status, said = run([*compiler(machine, by), *STRICT, *words, source, "-o", target])
    assert status == 0 and said == "", said
    return target


# ---------------------------------------------------------------- the chapters

FOR_WINDOWS = [chapter for chapter in CHAPTERS if not expected.of(chapter).NOT_FOR_WINDOWS]


@each_level
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_riscv64(tmp_path, runner, chapter, level):
    demo = program(tmp_path, RISCV64, NATIVE / f"{chapter}.c", level, "-DMAIN")
    words, more = runner(RISCV64)
    prints_what_it_should([*words, demo], chapter, RISCV64, **more)


@each_level
@pytest.mark.parametrize("chapter", FOR_WINDOWS)
def test_windows(tmp_path, runner, chapter, level):
    demo = program(tmp_path, WINDOWS, NATIVE / f"{chapter}.c", level, "-DMAIN")
    words, more = runner(WINDOWS)
    prints_what_it_should([*words, demo], chapter, WINDOWS, **more)


@pytest.mark.chapter("03", "04")
def test_windows_says_what_is_not_for_it(tmp_path):
    source = NATIVE / "03-a-single-stack-swap.c"
    status, said = run([*compiler(WINDOWS), *STRICT, "-DMAIN", source, "-o", tmp_path / "program.exe"])
    assert status != 0
    assert "x86_64-windows/machine.h says why" in said


# ---------------------------------------------------------------- walks by Windows


def steps(said, switch):
    """For each time that a switch ran: its instructions' offsets, and whom a walk from each one met."""
    runs = []
    for offset, met in re.findall(rf"^{switch} ([0-9a-f]+): {switch} ?(.*)$", said.replace("\r", ""), re.MULTILINE):
        if int(offset, 16) == 0:
            runs.append([])
        runs[-1].append((int(offset, 16), met))
    return runs


def test_windows_walks_a_stack_from_inside_a_switch(tmp_path, runner):
    """As x86_64-windows says: right until rsp begins to rise, and at `ret`; and always where the switch is a leaf."""
    words = ["-O1", "-fno-inline", "-fno-optimize-sibling-calls", "-Wno-unused-function", f"-I{NATIVE}"]
    walked = program(tmp_path, WINDOWS, LAB / "src" / "test" / "native" / "walked_by_windows.c", *words)
    words, more = runner(WINDOWS)
    status, said = run([*words, walked], **more)
    assert status == 0, said

    objdump = compiler(WINDOWS)[0].replace("gcc", "objdump")
    status, listing = run([objdump, "-d", "-M", "intel", "--no-show-raw-insn", walked])
    assert status == 0
    text = {}
    for switch in ("switch_stack", "switch_context"):
        code = re.search(rf"^\w+ <{switch}>:\n(.*?)\n\n", listing, re.MULTILINE | re.DOTALL)[1]
        found = re.findall(r"^ *(\w+):\t(.*?)\s*$", code, re.MULTILINE)
        text[switch] = {int(at, 16) - int(found[0][0], 16): " ".join(said.split()) for at, said in found}

    a, b = "resume yield_thread deep thread_a thread_entry .", "resume yield_thread thread_b thread_entry ."
    runs = steps(said, "switch_stack")
    assert len(runs) >= 2
    for old, new, run_ in zip([a, b], ["thread_entry .", a], runs):
        there, right = old, 0
        for offset, met in run_:
            instruction = text["switch_stack"][offset]
            if there is not None or instruction == "ret":
                assert met == (there or new), f"at {offset:#x}, {instruction}"
                right += 1
            if instruction == "mov rsp,QWORD PTR [rdx]":
                there = new
            elif instruction == "add rsp,0xa0":
                there = None
        assert there is None and right > 30

    home, other = "leave main", "other_side ."
    runs = steps(said, "switch_context")
    assert len(runs) == 2
    for old, new, run_ in zip([home, other], [other, home], runs):
        there = old
        for offset, met in run_:
            assert met == there, f"at {offset:#x}"
            if text["switch_context"][offset].startswith("mov rsp,"):
                there = new
        assert there == new


# ---------------------------------------------------------------- the plain editions of the runtimes

# The fewest and the most lines that a listing may have: 07 promises at most 200.
# How long it may be: the first as its title promises; the second as it has grown, with two switches since its generators jump.
PLAIN = {RUNTIME: (150, 200), "09-results-and-channels": (500, 1050)}


@pytest.fixture(scope="session", params=PLAIN)
def listings(request, tmp_path_factory):
    """One's listing for each machine, by title, in a folder with nothing else in it, behind its name."""
    folder = tmp_path_factory.mktemp("plain")
    tell = folder / "Tell.java"
    tell.write_text(
        "public class Tell {\n"
        "  public static void main(String[] words) throws Exception {\n"
        "    for (String target : greenthreads.lab.Lab.targets()) {\n"
        "      String code = greenthreads.lab.Lab.plain(words[0], target).code();\n"
        '      java.nio.file.Files.writeString(java.nio.file.Path.of(words[1], target + ".c"), code + "\\n");\n'
        "    }\n"
        "  }\n"
        "}\n"
    )
    spec, _ = installed_spec()
    words = java_words(spec)
    classes = words[words.index("-cp") + 1]
    status, said = run(
        [words[0], "--enable-native-access=ALL-UNNAMED", "-cp", classes, tell, request.param, folder],
        env={**os.environ, **spec.get("env", {})},
    )
    assert status == 0, said
    tell.unlink()
    return request.param, {path.stem: path for path in folder.glob("*.c")}


@pytest.mark.chapter("07")
def test_every_machine_has_a_plain_edition(listings):
    chapter, paths = listings
    fewest, most = PLAIN[chapter]
    assert set(paths) == {machine.title for machine in MACHINES.values()} | set(MACOS.values())
    for title, path in paths.items():
        assert fewest < len(path.read_text(encoding="utf-8").splitlines()) <= most, title


@pytest.mark.chapter("07")
@each_level
@each_machine
def test_the_plain_edition_prints_the_same(tmp_path, runner, listings, machine, level):
    chapter, paths = listings
    words, more = runner(machine)
    for name in MACHINES[machine].compilers:
        demo = program(tmp_path, machine, paths[title(machine)], level, by=name)
        prints_what_it_should([*words, demo], chapter, machine, **more)


def test_the_plain_runtime_prints_the_29_lines():
    assert expected.of(RUNTIME).PROGRAM == THE_29_LINES


# ---------------------------------------------------------------- what the switches keep

SWITCHES = ["switch_context", "switch_stack"]
# What chapter 09 jumps to, and only where it is more than a call.
GIVES = "give_by_jump"


def switches_of(machine):
    return SWITCHES if machine == WINDOWS else [*SWITCHES, GIVES]


each_switch = pytest.mark.parametrize("machine, function", [(m, f) for m in MACHINES for f in switches_of(m)])

# Where the stack is, and where it goes on. Without one of them nobody comes back in good order: the
# process may end as it likes, as long as it does not say that all is well.
FATAL = ["sp", "pc"]

# What Windows wants to know of the stack that runs.
BOUNDS = ["base", "limit", "allocation"]


@dataclass(frozen=True)
class Mutant:
    """A switch with one save or one load left out."""

    register: str
    is_save: bool
    text: str
    half: bool = False  # only the lower half of its 128 bits is kept

    @property
    def name(self):
        return f"{'save' if self.is_save else 'load'} {self.register}{' (upper half)' if self.half else ''}"

    @property
    def fatal(self):
        return self.register in FATAL

    @property
    def lost(self):
        """What survival.c is to say of it."""
        if self.register in BOUNDS:
            return [self.register if self.is_save else f"{self.register}-there"]
        return words_of(self.register)[1:] if self.half else words_of(self.register)


def instruction(line):
    """What the assembler sees of a line of C, spaces apart: the macros' names stand for their numbers."""
    text = re.sub(r'"\s*AT\(((?:[^()]|\([^()]*\))*)\)\s*"', r"\1", line)
    quoted = re.search(r'"(.*)"', text)
    return re.sub(r"\s+", " ", quoted[1].replace(r"\n", "")).strip() if quoted else ""


def without_x86_64(line):
    """(register, is it saved, the line without it) for each register that the line saves or loads.

    What stands in place of a push or a pop leaves the rest of the stack's layout as it is.
    """
    text = instruction(line)
    label = "1: " if text.startswith("1: ") else ""
    text = text.removeprefix("1: ")
    bound = re.search(r"STACK_(BASE|LIMIT|ALLOCATION)\]", text)
    if m := re.fullmatch(r"(push|pop) (.*)", text):
        register = bound[1].lower() if bound else m[2]
        if m[1] == "push":
            register = "pc" if register in ("rax", "rdx") else register  # where it goes on, and what leads there
            yield register, True, '    "   push    0\\n"\n'
        else:
            register = "pc" if register in ("rcx", "rax") else register  # and jumped to
            yield register, False, f'    "{label}   lea     rsp, [rsp + 8]\\n"\n'
    elif m := re.fullmatch(r"mov(?:aps|ups)? \[.*\], (\w+)", text):  # without gs: into a context
        yield bound[1].lower() if bound else m[1].replace("rsp", "sp"), True, ""
    elif re.fullmatch(r"mov gs:\[.*\], rax", text):
        yield bound[1].lower(), False, ""
    elif text == "mov rcx, [rsp]":
        yield "pc", False, ""  # and jumped to
    elif (m := re.fullmatch(r"mov(?:aps|ups)? (\w+), \[.*\]", text)) and m[1] not in ("rax", "rdx", "r8"):
        yield m[1].replace("rsp", "sp"), False, ""


def without_aarch64(line):
    """Likewise. What a pair has beside it stays: another register takes the place of the one left out."""
    text = instruction(line).removeprefix("1: ")
    if m := re.fullmatch(r"(st|ld)[rp] ([xd]\d+)(?:, ([xd]\d+))?, \[.*", text):
        is_save, pair = m[1] == "st", [m[2], m[3]]
        if pair == ["x16", "x30"]:
            pair = ["x16"]  # it is jumped to; the word beside it is for a new stack's function
        for register in dict.fromkeys(filter(None, pair)):
            if register != "x9":
                name = "pc" if register in ("x16", "x30") else register
                other = "d31" if register[0] == "d" else "xzr" if is_save else "x9"
                yield name, is_save, re.sub(rf"\b{register}\b", other, line, count=1)
            elif is_save:
                yield "sp", True, ""  # by way of x9
    elif text == "mov sp, x9":
        yield "sp", False, ""


def without_riscv64(line):
    """Likewise."""
    if m := re.fullmatch(r"(sd|fsd|ld|fld) (\w+), .*\(\w+\)", instruction(line)):
        is_save = m[1].endswith("sd")
        if is_save or m[2] != "ra" or instruction(line) == "ld ra, 0x00(sp)":  # at 8 it is for a new stack's function
            yield {"ra": "pc", "t2": "pc"}.get(m[2], m[2]), is_save, ""


WITHOUT = {
    X86_64: without_x86_64,
    AARCH64: without_aarch64,
    RISCV64: without_riscv64,
    WINDOWS: without_x86_64,
}


def assembly(machine, function):
    """The lines of an assembly function, as its header has them."""
    texts = [path.read_text(encoding="utf-8") for path in (NATIVE / "arch" / MACHINES[machine].folder).glob("*.h")]
    [text] = [text for text in texts if f"ASM_END({function})" in text]
    begin = text.index(f"__asm__(ASM_FUNCTION({function})")
    return text[begin : text.index(");\n", text.index(f"ASM_END({function})")) + 3].splitlines(keepends=True)


def mutants(machine, function):
    """Each differs from the function in one line; in an .irp, which repeats lines, in one repetition of it."""
    lines = assembly(machine, function)
    found = []
    name, values = "", [""]
    for number, line in enumerate(lines):
        if irp := re.fullmatch(r"\.irp (\w+), (.*)", instruction(line)):
            name, values = irp[1], irp[2].split(", ")
        elif instruction(line) == ".endr":
            name, values = "", [""]
        for value in values:
            concrete = line.replace(rf"\\{name}", value) if name else line
            changes = [(*change, False) for change in WITHOUT[machine](concrete)]
            if "xmm" in concrete:
                half = re.sub(r"mov[au]ps", "movlps", concrete)
                changes += [(register, is_save, half, True) for register, is_save, _, _ in changes]
            for register, is_save, changed, half in changes:
                assert changed != concrete
                if name:
                    begin = f'    "   .ifc    \\\\{name}, {value}\\n"\n'
                    changed = f'{begin}{changed}    "   .else\\n"\n{line}    "   .endif\\n"\n'
                text = "".join([*lines[:number], changed, *lines[number + 1 :]])
                found.append(Mutant(register, is_save, text, half))
    return sorted(found, key=lambda mutant: mutant.fatal)


@pytest.mark.chapter("05", "07", "09")
@each_switch
def test_the_switch_names_what_the_abi_names(machine, function):
    """What is left out below, one by one, is all that a switch keeps, and that is all that it must."""
    kept = [*CALLEE_SAVED[machine], *(BOUNDS if machine == WINDOWS else []), "sp"]
    is_x86 = machine in (X86_64, WINDOWS)
    saved = [*kept] if is_x86 else [*kept, "pc"]  # there the call saves it
    loaded = [*kept] if is_x86 and function == "switch_context" else [*kept, "pc"]  # `ret` loads it
    if function == GIVES:  # on x86-64 no call saves it; and twice, where it goes on by way of 1
        saved = [*kept, *["pc"] * (1 if machine == RISCV64 else 2)]
        loaded = [*kept, *["pc"] * (2 if machine == AARCH64 else 1)]
    for is_save, wanted in ((True, saved), (False, loaded)):
        named = [m.register for m in mutants(machine, function) if m.is_save == is_save and not m.half]
        assert sorted(named) == sorted(wanted)


def survivors(folder, machine, switches):
    """The program that goes through these switches: pairs of the function that one is a copy of, and its text."""
    rows = []
    with open(folder / "switches.h", "w", encoding="utf-8") as header:
        for number, (function, text) in enumerate(switches):
            name = inner = f"switch_{number}"
            if function == GIVES and machine == X86_64:  # jumped to, with the address behind a call in a register
                inner = f"{name}_by_jump"
                jump = f'"   pop rax\\n   jmp " SYMBOL({inner}) "\\n"'
                header.write(f"__asm__(ASM_FUNCTION({name}) {jump} ASM_END({name}));\n")
            header.write(f"void {name}(void);\n" + text.replace(f"({function})", f"({inner})"))
            rows.append(f"    {{{'KEEPS_CONTEXT' if function == SWITCHES[0] else 'KEEPS_STACK'}, {name}}},\n")
        header.write("static const struct {\n    int kind;\n    void (*function)(void);\n} switches[] = {\n")
        header.write("".join(rows) + "};\n")
    return program(folder, machine, LAB / "src/test/native/survival.c", "-O2", f"-I{NATIVE}", f"-I{folder}")


def what_was_lost(said):
    """By the number of the switch, as survival.c prints it."""
    return {int(n): words.split() for n, words in re.findall(r"^(\d+):(.*)$", said, re.MULTILINE)}


@pytest.mark.chapter("05", "07", "09")
@each_machine
def test_everything_survives(tmp_path, runner, machine):
    words, more = runner(machine)
    demo = survivors(tmp_path, machine, [(f, "".join(assembly(machine, f))) for f in switches_of(machine)])
    status, said = run([*words, demo], **more)
    assert what_was_lost(said) == {n: [] for n in range(len(switches_of(machine)))} and status == 0, said


# As the solution of exercise 05.1 has it.
WHOLE = """SWITCH_WITHOUT(all)
__asm__(ASM_FUNCTION(switch_context)
    PUSH_FIRST PUSH_SECOND PUSH_THIRD
    CALL(switch_without_all)
    POP_THIRD POP_SECOND POP_FIRST
    "   ret \\n"
    ASM_END(switch_context)
);
"""


# What the system may read itself has no guard.
BELOW_A_STACK = """
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include "%s.c"
int main(void) {
    struct runtime *r = new_runtime(1, 65536);
    int ends[2];
    if (r == NULL || take_place(r) < 0 || pipe(ends) != 0)
        return 2;
    return write(ends[1], r->areas + r->page_size - 1, 1) < 0 ? 0 : 1;
}
"""


@pytest.mark.chapter("07", "09", "12")
@pytest.mark.parametrize("machine", [machine for machine in MACHINES if machine != WINDOWS])
@pytest.mark.parametrize("chapter", [RUNTIME, "09-results-and-channels", "12-waiting"])
def test_an_emulator_guards_what_it_says_it_guards(tmp_path, runner, chapter, machine):
    """qemu-user takes the mark of a guard page for advice, says yes, and does nothing."""
    source = tmp_path / "unit.c"
    source.write_text(BELOW_A_STACK % chapter)
    unit = tmp_path / "program"
    words = [*STRICT, "-Wno-unused-function", f"-I{NATIVE}"]
    status, said = run([*compiler(machine), *words, source, "-o", unit])
    assert status == 0, said
    words, more = runner(machine)
    assert run([*words, unit], **more)[0] == 0


@pytest.mark.chapter("05")
@pytest.mark.parametrize("machine", [machine for machine in MACHINES if machine != WINDOWS])
def test_three_groups_are_all_registers(tmp_path, runner, machine):
    """Those of exercise 05.1. Each of them is missed when it is left out."""
    words, more = runner(machine)
    groups = ["FIRST", "SECOND", "THIRD"]
    without = [WHOLE.replace("SWITCH_WITHOUT(all)\n", "").replace(f"PUSH_{one}", "").replace(f"POP_{one}", "") for one in groups]
    # The return address is in the first group: on x86-64 the call keeps it, elsewhere nobody does.
    kept = without if machine == X86_64 else without[1:]
    demo = survivors(tmp_path, machine, [("switch_context", text) for text in [WHOLE, *kept]])
    status, said = run([*words, demo], **more)
    lost = what_was_lost(said)
    assert lost[0] == [], said
    assert status == 1 and len(lost) == 1 + len(kept) and all(lost[n] for n in range(1, len(lost))), said


@pytest.mark.chapter("05", "07", "09")
@each_switch
def test_what_a_switch_drops_is_missed(tmp_path, runner, machine, function):
    words, more = runner(machine)
    all_of_them = mutants(machine, function)
    demo = survivors(tmp_path, machine, [(function, mutant.text) for mutant in all_of_them])
    fatal = [mutant.fatal for mutant in all_of_them].index(True)
    status, said = run([*words, demo, 0, fatal], **more)
    lost = what_was_lost(said)
    wrong = [
        f"{mutant.name}: lost {lost.get(number)}"
        for number, mutant in enumerate(all_of_them[:fatal])
        if lost.get(number) != mutant.lost
    ]
    assert not wrong and status == 1, "\n".join(wrong)
    for number, mutant in enumerate(all_of_them[fatal:], fatal):
        try:
            status, said = run([*words, demo, number, number + 1], timeout=10, **more)
        except subprocess.TimeoutExpired:
            continue
        assert status != 0, f"{mutant.name}: {said}"


# ---------------------------------------------------------------- macOS


def for_macos(target, *words):
    """Compiles with the C compiler that knows macOS, without a word from it."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("the Python package ziglang is not installed: it compiles for macOS elsewhere")
    cache = str(BUILD / "zig")
    strict = [word for word in STRICT if word != "-pthread"]
    status, said = run(
        [sys.executable, "-m", "ziglang", "cc", "-target", target, *strict, *words],
        env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache},
        timeout=240,
    )
    assert status == 0 and said == "", said


@dataclass(frozen=True)
class Symbol:
    """Of a Mach-O file's table."""

    name: str
    defined: bool
    exported: bool
    library: int  # where it comes from, if it is not defined: counted from 1


OF_THE_LINKER = ["__mh_execute_header", "__mh_dylib_header", "___dso_handle", "dyld_stub_binder"]


def mach_o(path):
    """The processor that a Mach-O file is for, its kind, the libraries that it wants, and its symbols."""
    data = path.read_bytes()
    magic, processor, _, kind, commands = struct.unpack_from("<5I", data)
    assert magic == 0xFEEDFACF, "no Mach-O file of 64 bits"
    libraries, symbols, at = [], [], 32
    for _ in range(commands):
        command, size = struct.unpack_from("<2I", data, at)
        if command == 0x0C:  # LC_LOAD_DYLIB
            name = at + struct.unpack_from("<I", data, at + 8)[0]
            libraries.append(data[name : data.index(b"\0", name)].decode())
        if command == 0x02:  # LC_SYMTAB
            table, count, strings, _ = struct.unpack_from("<4I", data, at + 8)
            for i in range(count):
                name, type_, _, described, _ = struct.unpack_from("<IBBHQ", data, table + 16 * i)
                begin = strings + name
                text = data[begin : data.index(b"\0", begin)].decode()
                if type_ & 0xE0 or text in OF_THE_LINKER:
                    continue  # the former are a debugger's
                symbols.append(Symbol(text, type_ & 0x0E != 0, type_ & 0x11 == 0x01, described >> 8))
        at += size
    return processor, kind, libraries, symbols


PROCESSORS = {"x86_64-macos": 0x01000007, "aarch64-macos": 0x0100000C}
PROGRAM, LIBRARY = 2, 6
C_LIBRARY = ["/usr/lib/libSystem.B.dylib"]


@pytest.mark.parametrize("target", MACOS)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_macos(tmp_path, chapter, target):
    """Functions have the underscore, others do not see the assembly, and only the system is wanted."""
    source, demo, library = NATIVE / f"{chapter}.c", tmp_path / "demo", tmp_path / "library.dylib"
    for_macos(target, "-O2", "-DMAIN", source, "-o", demo)
    assert mach_o(demo)[:3] == (PROCESSORS[target], PROGRAM, C_LIBRARY)
    for_macos(target, "-O2", "-g", "-fPIC", "-shared", source, "-o", library)
    *what, symbols = mach_o(library)
    assert what == [PROCESSORS[target], LIBRARY, C_LIBRARY]

    text = source.read_text(encoding="utf-8")
    functions = re.findall(r"^(?!.*\bstatic\b)\w[\w *]*\b(\w+)\([^;{]*\) \{\}?$", text, re.MULTILINE)
    functions = {f"_{name}" for name in functions if name != "main"}
    assert functions and functions <= {symbol.name for symbol in symbols if symbol.exported}
    for symbol in symbols:
        if symbol.defined:
            assert not symbol.exported or symbol.name in functions, f"{symbol.name} is to be hidden"
        else:
            assert symbol.library == 1, f"{symbol.name} comes from nowhere"
    switches = {f"_{name}" for name in ["swap", *SWITCHES] if re.search(rf" {name}\((old, )?&", text)}
    assert switches <= {symbol.name for symbol in symbols if symbol.defined and not symbol.exported}


@pytest.mark.chapter("07")
@pytest.mark.parametrize("target", MACOS)
def test_the_plain_edition_links_for_macos(tmp_path, listings, target):
    demo = tmp_path / "demo"
    _, paths = listings
    for_macos(target, "-O2", paths[MACOS[target]], "-o", demo)
    *what, symbols = mach_o(demo)
    assert what == [PROCESSORS[target], PROGRAM, C_LIBRARY]
    assert "_switch_stack" in {symbol.name for symbol in symbols if symbol.defined}
