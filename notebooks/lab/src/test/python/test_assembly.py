"""What the assembly of native/arch leaves in an object file besides instructions."""

import re

import pytest

from expected import AARCH64, RISCV64, WINDOWS, X86_64
from project import NATIVE, run, tool
from test_machines import FOR_WINDOWS, MACHINES, compiler, each_machine
from test_native import CHAPTERS, HERE, STRICT, found


def object_of(folder, chapter, *words):
    target = folder / "chapter.o"
    status, said = run([*words, *STRICT, "-O2", "-c", NATIVE / f"{chapter}.c", "-o", target])
    assert status == 0 and said == "", said
    return target


def said_by(*words, why):
    program, *rest = words
    status, said = run([tool(program, why=why), *rest])
    assert status == 0, said
    return said


def instructions(objdump, file):
    """(address, function, mnemonic and operands) of each, in order."""
    found, function = [], ""
    for line in said_by(objdump, "-dr", "-M", "intel", "--no-show-raw-insn", file, why="it disassembles").splitlines():
        if name := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            function = name[1]
        elif text := re.match(r" *([0-9a-f]+):\t(.*)$", line):
            found.append((function, re.sub(r"\s+", " ", text[2]).strip()))
    return found


# ---------------------------------------------------------------- the dialect's probe

X86_COMPILERS = [["gcc"], ["gcc", "-masm=intel"], ["clang"], ["clang", "-masm=intel"]]


@pytest.mark.parametrize("words", X86_COMPILERS, ids=" ".join)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_symbol_is_a_register(tmp_path, chapter, words):
    if HERE != X86_64:
        pytest.skip("this machine's assembly has one dialect only")
    file = object_of(tmp_path, chapter, found(words[0]), *words[1:])
    names = {line.split()[-1] for line in said_by("nm", file, why="it lists symbols").splitlines()}
    assert not names & {"eax", ".Lgas", ".Lprobe"}


# ---------------------------------------------------------------- landing pads

# These jump where a function begins, and the compiler marks each one whose address is taken.
TO_FUNCTIONS = ("overwrite_callee_saved", "trampoline")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(
    "chapter",
    ["05-there-and-back", "06-threads-and-a-scheduler", "07-the-runtime-in-200-lines", "09-results-and-channels"],
)
def test_every_jump_lands_under_ibt(tmp_path, chapter, compiler):
    """Each function of ours begins with `endbr64`, and a jump that does the work of a return is exempt."""
    if HERE != X86_64:
        pytest.skip("IBT is x86-64's")
    file = object_of(tmp_path, chapter, found(compiler), "-fcf-protection=branch")
    notes = said_by("readelf", "-n", file, why="it shows what an object promises")
    assert "IBT" in notes
    code = instructions("objdump", file)
    first = {}
    for function, text in code:
        first.setdefault(function, text)
    ours = [f for f in first if f.startswith("switch_") or f in ("give_by_jump", "capture", "call_planted", "swap", "skip", "way_home")]
    assert any(f.startswith("switch_") for f in ours)
    for function in ours:
        assert first[function].startswith("endbr64"), f"{function} begins with {first[function]}"
    for function, text in code:
        if re.fullmatch(r"(bnd )?jmp r\w+", text) and (function in ours or not chapter.startswith("09")):  # there C jumps too
            assert function in TO_FUNCTIONS, f"{function}: {text} needs a landing pad where it goes"
    if chapter.startswith("07"):
        assert ("switch_stack", "notrack jmp rcx") in code
    if chapter.startswith("09"):
        assert ("give_by_jump", "notrack jmp rcx") in code


@pytest.mark.chapter("07", "09")
@pytest.mark.parametrize("chapter", ["07-the-runtime-in-200-lines", "09-results-and-channels"])
def test_every_branch_lands_under_bti(tmp_path, chapter):
    """On AArch64: `bti` at each of our functions; and no `br`, which would need one behind each call."""
    compiler = tool(*MACHINES[AARCH64].compilers, why="it compiles for AArch64")
    objdump = compiler.replace("gcc", "objdump")
    file = object_of(tmp_path, chapter, compiler, "-mbranch-protection=standard")
    assert "BTI" in said_by(compiler.replace("gcc", "readelf"), "-n", file, why="it shows what an object promises")
    code = instructions(objdump, file)
    assert next(text for function, text in code if function == "switch_stack").startswith("bti c")
    ours = [text for function, text in code if function.startswith("switch_") or function == "give_by_jump"]
    assert "ret" in ours and not [text for text in ours if re.match(r"br\b", text)]


# ---------------------------------------------------------------- three switches, one text

# The instructions of switch_stack that look where it goes, before all others and behind them; and
# those that stand in place of the latter where nothing looks. RISC-V's last one has a name of its own.
LOOKS = {X86_64: (1, 6), AARCH64: (1, 4), RISCV64: (0, 2), WINDOWS: (1, 5)}
ENDS = {
    X86_64: {"jumps": ["pop rcx", "jmp rcx"], "returns": ["ret"]},
    AARCH64: {"jumps": ["br x30"], "returns": ["ret"]},
    RISCV64: {"jumps": ["jr t2"], "returns": ["mv ra,t2", "ret"]},
    WINDOWS: {"jumps": ["pop rax", "jmp rax"], "returns": ["ret"]},
}


@pytest.mark.parametrize("way", ["jumps", "returns"])
@each_machine
def test_a_switch_without_a_look_is_the_same_but_for_the_look(tmp_path, machine, way):
    """Chapter 07 compares them. Their text stands twice, since the first is to be read instruction by instruction."""
    unit = tmp_path / "unit.c"
    unit.write_text(f'#include "arch/arch.h"\nSWITCH_STACK_THAT({way});\n')
    words = compiler(machine)
    status, said = run([words[0], *STRICT, f"-I{NATIVE}", "-c", unit, "-o", tmp_path / "unit.o"])
    assert status == 0, said
    objdump = "objdump" if machine == HERE else words[0].replace("gcc", "objdump")
    code = instructions(objdump, tmp_path / "unit.o")
    between = re.compile(r".*\bnop\b|xchg ax,ax|push (QWORD PTR ds:)?0x1$")  # padding, and the dialect's probe
    look, kind = (
        [text for function, text in code if function == name and not between.match(text)]
        for name in ("switch_stack", f"switch_stack_that_{way}")
    )
    before, behind = LOOKS[machine]
    end = ENDS[machine][way]
    assert kind[-len(end) :] == end
    assert kind[: -len(end)] == look[before:-behind]


# ---------------------------------------------------------------- unwind data for Windows


@pytest.mark.parametrize("chapter", FOR_WINDOWS)
def test_windows_has_unwind_data(tmp_path, chapter):
    """For each function of ours that moves rsp and comes back: its pushes, what it lowers rsp by, what it saves."""
    readobj = tool("llvm-readobj", "llvm-readobj-14", why="it reads unwind data for Windows")
    compiler = tool(*MACHINES[WINDOWS].compilers, why="it compiles for Windows")
    file = object_of(tmp_path, chapter, compiler)
    tables = {}
    for table in said_by(readobj, "--unwind", file, why="it reads unwind data").split("RuntimeFunction {")[1:]:
        # A static function is named by the symbol before it, and a distance.
        if begins := re.search(r"StartAddress: (\w+) \(0x", table):
            tables.setdefault(begins[1], re.findall(r"0x\w+: (\w+) ?(.*)", table))
    symbols = said_by(compiler.replace("gcc", "nm"), file, why="it lists symbols")
    there = set(re.findall(r" T (\w+)$", symbols, re.MULTILINE))
    wanted = {"capture": [1, 0], "call_planted": [9, 0], "switch_stack": [12, 10]}
    for name in there & set(wanted):
        assert name in tables, f"{name} has none"
        codes = [code for code, _ in tables[name]]
        assert [len([c for c in codes if "XMM" not in c]), len([c for c in codes if "XMM" in c])] == wanted[name], codes
    assert "skip" not in tables and "switch_context" not in tables, "leaves, at each of their instructions"
