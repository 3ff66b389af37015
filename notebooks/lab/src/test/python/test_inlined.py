"""The switch that stands where it is needed: no register that a compiler may use is forgotten, however it is compiled."""

import re
import shutil

import pytest

from expected import AARCH64, RISCV64, X86_64
from project import LAB, NATIVE, run
from test_machines import MACHINES, program, runner  # noqa: F401 - a fixture
from test_native import COMPILERS, HERE, STRICT, found

pytestmark = pytest.mark.chapter("09", "11")

INLINED = LAB / "src" / "test" / "native" / "inlined.c"
FOR = [X86_64, AARCH64, RISCV64]
each_machine = pytest.mark.parametrize("machine", FOR)

# The two that stand where they are needed: in which file, and how inlined.c is told that it is to go by it.
FORMS = {"inline.h": [], "give.h": ["-DGIVES"]}
each_form = pytest.mark.parametrize("form", FORMS)

# What a call would return to, where that is a register: without it nobody comes back to tell.
RETURN_ADDRESS = {AARCH64: "x30", RISCV64: "ra"}
# Kept by hand, in the record.
BY_HAND = {X86_64: {"rbp", "rbx"}, AARCH64: {"x29", "x19"}, RISCV64: {"s0", "s1"}}


# All that a call keeps is kept on the stack, if it is left by give_stack.
KEPT_BY_A_CALL = {
    X86_64: {"rbx", "rbp", "r12", "r13", "r14", "r15"},
    AARCH64: {f"x{n}" for n in range(19, 30)} | {f"v{n}" for n in range(8, 16)},  # a double in them is
    RISCV64: {f"{letter}s{n}" for letter in ("", "f") for n in range(12)},
}


def by_hand(form, machine):
    return KEPT_BY_A_CALL[machine] if form == "give.h" else BY_HAND[machine]


def header_of(native, machine, form):
    return native / "arch" / MACHINES[machine].folder / form


def what_is_lost(text):
    """The names behind the second colon of the assembly: all that the compiler is told of."""
    [told] = re.findall(r'^ *: ("\w+", .*?"memory")\);$', text, re.DOTALL | re.MULTILINE)
    return told, re.findall(r'"([^"]+)"', told)


def with_names(text, names):
    told, _ = what_is_lost(text)
    return text.replace(told, ", ".join(f'"{name}"' for name in names))


def said_by(folder, machine, runner, native, *words):  # noqa: F811
    before, more = runner(machine)
    built = program(folder, machine, INLINED, *words, f"-I{native}")
    return run([*before, built], **more)


def names_held():
    """Each machine's registers in which inlined.c holds a value."""
    text = INLINED.read_text(encoding="utf-8").replace("\\\n", " ")
    lists = re.findall(r"^#define (?:INTEGERS|FLOATS)\(DO\)(.*)$", text, re.MULTILINE)
    assert len(lists) == 6
    return {machine: re.findall(r"DO\((\w+)\)", lists[2 * i] + lists[2 * i + 1]) for i, machine in enumerate(FOR)}


@pytest.mark.parametrize("level", ["-O0", "-O1", "-O2", "-O3"])
@pytest.mark.parametrize("compiler", COMPILERS)
@each_form
def test_nothing_is_lost_here(tmp_path, form, compiler, level):
    words = [*FORMS[form], *(["-DFRAME_POINTER_TAKEN"] if level == "-O0" else [])]
    for number, more in enumerate(([], ["-fno-omit-frame-pointer", "-DFRAME_POINTER_TAKEN"], ["-flto"], ["-masm=intel"])):
        if more == ["-masm=intel"] and HERE != X86_64:
            continue
        target = tmp_path / f"inlined-{number}"
        status, said = run([found(compiler), *STRICT, level, *words, *more, f"-I{NATIVE}", INLINED, "-o", target])
        assert status == 0 and said == "", said
        status, said = run([target])
        assert (status, said) == (0, ""), more


@pytest.mark.parametrize("level", ["-O1", "-O2", "-O3"])
@each_form
@each_machine
def test_nothing_is_lost(tmp_path, runner, machine, form, level):  # noqa: F811
    assert said_by(tmp_path, machine, runner, NATIVE, level, *FORMS[form]) == (0, "")


@each_form
@each_machine
def test_each_register_that_is_not_named_is_missed(tmp_path, runner, machine, form):  # noqa: F811
    """The same program, where the compiler is told of none but the return address: it names every one that was lost."""
    native = tmp_path / "native"
    shutil.copytree(NATIVE, native)
    header = header_of(native, machine, form)
    kept = [RETURN_ADDRESS[machine]] if machine in RETURN_ADDRESS else []
    header.write_text(with_names(header.read_text(encoding="utf-8"), [*kept, "memory"]), encoding="utf-8")
    _, said = said_by(tmp_path, machine, runner, native, "-O2", *FORMS[form])
    missed = set(said.split())
    wanted = set(names_held()[machine]) - by_hand(form, machine) - set(kept)
    assert wanted <= missed, wanted - missed
    assert not by_hand(form, machine) & missed


@each_form
@each_machine
def test_each_register_is_held(machine, form):
    """All that the compiler is told of, and what is kept by hand, is what the program holds a value in."""
    _, told = what_is_lost(header_of(NATIVE, machine, form).read_text(encoding="utf-8"))
    told = {name for name in told if re.fullmatch(r"[a-z]+\d*", name) and name not in ("cc", "memory", "st")}
    told -= {f"mm{n}" for n in range(8)}  # the x87 unit's, under other names; nobody uses them any more
    here = set(names_held()[machine])
    arguments = {X86_64: {"rdi", "rsi"}, AARCH64: {"x0", "x1"}, RISCV64: {"a0", "a1"}}[machine]
    elsewhere = {"x18"} if machine == AARCH64 else set()
    frame = {"x29"} if machine == AARCH64 else set()
    assert here == (told | by_hand(form, machine) | arguments | elsewhere) - frame


@each_machine
def test_what_is_kept_by_hand_is_missed(tmp_path, runner, machine):  # noqa: F811
    """clang's other pointer, not stored: it is another one afterwards."""
    stores = {
        X86_64: r'"mov  \[rdi \+ " AT\(PLACE_BASE\) "\], rbx",( +)"movq %%rbx, "',
        AARCH64: r'"stp    x29, x19,',
        RISCV64: r'"sd     s1, ',
    }
    instead = {
        X86_64: r'"mov  [rdi + " AT(PLACE_BASE) "], rax",\1"movq %%rax, "',
        AARCH64: '"stp    x29, x9,',
        RISCV64: '"sd     t2, ',
    }
    native = tmp_path / "native"
    shutil.copytree(NATIVE, native)
    header = header_of(native, machine, "inline.h")
    text, changes = re.subn(stores[machine], instead[machine], header.read_text(encoding="utf-8"))
    assert changes == 1
    header.write_text(text, encoding="utf-8")
    before, more = runner(machine)
    built = program(tmp_path, machine, INLINED, "-O2", f"-I{native}")
    status, said = run([*before, built], **more)
    name = {X86_64: "rbx", AARCH64: "x19", RISCV64: "s1"}[machine]
    assert name in said.split() and status != 0, said


def test_the_red_zone_is_spared(tmp_path, runner):  # noqa: F811
    """Whoever gives may have variables there, for it does not know that it calls. (x86-64 has one, here.)"""
    native = tmp_path / "native"
    shutil.copytree(NATIVE, native)
    header = header_of(native, X86_64, "give.h")
    text, changes = re.subn(r"\[rsp ([-+]) 128\]", r"[rsp \1 0]", header.read_text(encoding="utf-8"))
    assert changes == 2
    header.write_text(text, encoding="utf-8")
    status, said = said_by(tmp_path, X86_64, runner, native, "-O2", "-DGIVES")
    assert "leaf" in said.split() and status != 0, said
