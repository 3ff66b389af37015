"""What chapter 02 prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import AARCH64, READY, RISCV64, WINDOWS, X86_64, Edit, Walk, loaded, right, wrong

# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
    "calls-start": READY,
    "registers-load": loaded(r"02-registers-and-calls\.c"),
    "registers-layout": r"\A\d\d registers in \d+ bytes\n\Z",
    "registers-show": [
        r"^The registers: (18|34) of them, in three groups",
        r"^ +(rsp|sp) +[0-9a-f]{16} +the stack pointer$",
        r"^ +(rip|pc) +[0-9a-f]{16} +in registers_now \+ \d+$",
        r"^ +\w+ +[0-9a-f]{16} +the struct that holds this picture, its start$",
        r"^ +\w+ +[0-9a-f]{16} +this stack, r?sp \+ \d+$",
    ],
    "parts-run": [
        r"^(rax|x0) +2222222222222222$",
        r"^(eax|w0) +0000000022222222$",
        r"^(ax|x0\[15:0\]) +1111111111112222$",
        r"^(ah|x0\[15:8\]) +1111111111112211$",
        r"^(al|x0\[7:0\]) +1111111111111122$",
    ],
    "parts-picture": [r"8 bytes changed, marked ●\.$", r"^(eax|w0) +31 to 0 +11111111 +22222222$"],
    "arguments-show": [
        r"^a +(rdi|x0) +&found$",
        r"^f +(r9|x5) +106$",
        r"^g +(stack 0|x6) +107$",
        r"^j +(stack 3|stack 1) +110$",
    ],
    "return-run": r"\AThe call returns to ten_arguments \+ [1-9]\d* bytes\.\n\Z",
    "return-assembly": [r"^ten_arguments:$", r"^ +(call|bl) +record_arguments"],
    "planted-show": [
        r"^Survived all three: \[(rbx, rbp, r12, r13, r14, r15|x19, .*x29)\]$",
        r"^The ABI's promise: +\[(rbx, rbp, r12, r13, r14, r15|x19, .*x29)\]$",
        r"^The promise is kept: true$",
    ],
    "promise-source": loaded("cell betrayed"),
    # The prose: no crash and no message, a wrong number.
    "promise-run": [loaded("cell betrayed"), r"^(?!42$)-?\d+$"],
    "promise-assembly": [r"^keep:$", r"^ +(call|bl) +break_a_promise"],
    "c-addresses": loaded("cell addresses"),
    "c-addresses-run": [loaded("cell addresses"), r"^16$"],
    "c-words": loaded("cell words"),
    "c-words-run": [loaded("cell words"), r"^\[2, 4\]$"],
    "asm-source": r"\(next_intel\)",
    "asm-run": r"\A31\n\Z",
    "dialects-source": r"\(next_att\)",
    "dialects-run": [r"^Intel +([0-9a-f ]+)\nAT&T +\1$"],
    "compiler-code": [
        r"^square_sum in C and as machine code\. -O0, .*: \d+ instructions; -O2, .*: \d instructions\.$",
        r"\[(rbp|sp)|\[rbp\]",
        r"^160 +i?(mul|madd)",
    ],
    "compiler-count": [r"^-O0 +\d+ +[1-9]\d*$", r"^-O2 +\d +0$", r"^-O3 +\d +0$"],
    "alignment-run": r"\A0\n\Z",
    "pointer-source": r"\(capture\)",
    "pointer-run": [
        r"^(rip|pc) was registers_now \+ [1-9]\d* bytes, just behind the call\.$",
        r"^To be kept: (6 callee-saved registers and rsp|11 callee-saved registers and sp), of the \d+ registers in the picture\.$",
    ],
    "experiment-work": loaded("cell mywork"),
    "experiment-work-run": [loaded("cell mywork"), r"^kept: \[.*(rbx.*r15|x19.*x29)\]$"],
    "experiment-levels": [r"\A.* at -O1$", r"^square_sum:$"],
    "exercise-1-call": loaded("cell mixed"),
    "exercise-4-source": loaded("cell readings"),
}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

# As chapter 02 lists them: without ra, which the call itself uses, sp, gp and tp.
RISCV64_REGISTERS = (
    ["t0", "t1", "t2", "s0", "s1"]
    + [f"a{n}" for n in range(8)]
    + [f"s{n}" for n in range(2, 12)]
    + ["t3", "t4", "t5", "t6"]
)

PROGRAM = {
    X86_64: [
        "x86-64 System V",
        "write rax      2222222222222222",
        "write eax      0000000022222222",
        "write ax       1111111111112222",
        "write ah       1111111111112211",
        "write al       1111111111111122",
        "in registers: &found 102 103 104 105 106",
        "on the stack: 107 108 109 110",
        "after nothing: 15 survive: rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15",
        "after overwriting: 6 survive: rbx rbp r12 r13 r14 r15",
        "after ordinary work: 6 promises kept, 0 broken",
        "after a broken promise: 14 survive: rax rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15",
        "callee-saved: rbx rbp r12 r13 r14 r15",
        "square_sum(3, 4) is 25",
        "successor of values[1]: 21, 21",
    ],
    AARCH64: [
        "AArch64",
        "write x0       2222222222222222",
        "write w0       0000000022222222",
        "write x0[15:0] 1111111111112222",
        "write x0[15:8] 1111111111112211",
        "write x0[7:0]  1111111111111122",
        "in registers: &found 102 103 104 105 106 107 108",
        "on the stack: 109 110",
        "after nothing: 29 survive: " + " ".join(f"x{n}" for n in range(30) if n != 18),
        "after overwriting: 11 survive: " + " ".join(f"x{n}" for n in range(19, 30)),
        "after ordinary work: 11 promises kept, 0 broken",
        "after a broken promise: 28 survive: "
        + " ".join(f"x{n}" for n in range(30) if n not in (18, 19)),
        "callee-saved: " + " ".join(f"x{n}" for n in range(19, 30)),
        "square_sum(3, 4) is 25",
        "successor of values[1]: 21, 21",
    ],
    RISCV64: [
        "RISC-V 64",
        "write a0       2222222222222222",
        "write a0[31:0] 0000000022222222",
        "write a0[15:0] 1111111111112222",
        "write a0[15:8] 1111111111112211",
        "write a0[7:0]  1111111111111122",
        "in registers: &found 102 103 104 105 106 107 108",
        "on the stack: 109 110",
        "after nothing: 27 survive: " + " ".join(RISCV64_REGISTERS),
        "after overwriting: 12 survive: " + " ".join(f"s{n}" for n in range(12)),
        "after ordinary work: 12 promises kept, 0 broken",
        "after a broken promise: 26 survive: " + " ".join(r for r in RISCV64_REGISTERS if r != "s1"),
        "callee-saved: " + " ".join(f"s{n}" for n in range(12)),
        "square_sum(3, 4) is 25",
        "successor of values[1]: 21, 21",
    ],
    WINDOWS: [
        "x86-64 Windows",
        "write rax      2222222222222222",
        "write eax      0000000022222222",
        "write ax       1111111111112222",
        "write ah       1111111111112211",
        "write al       1111111111111122",
        "in registers: &found 102 103 104",
        "on the stack: 105 106 107 108 109 110",
        "after nothing: 15 survive: rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15",
        "after overwriting: 8 survive: rbx rsi rdi rbp r12 r13 r14 r15",
        "after ordinary work: 8 promises kept, 0 broken",
        "after a broken promise: 14 survive: rax rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15",
        "callee-saved: rbx rsi rdi rbp r12 r13 r14 r15",
        "square_sum(3, 4) is 25",
        "successor of values[1]: 21, 21",
    ],
}

FACTS = [
    ("square_sum(3, 4)", 25, 25),
]

WALK = Walk(["call_planted", "capture"], {"main"})

# ---------------------------------------------------------------- the changes that it suggests

WORK = """    volatile long sum = 0;          // volatile: or the compiler would skip the loop

    for (long i = 1; i <= 10; i++)
        sum += i * i;
"""

EDITS = [
    Edit("experiment-work", {"sum = 0": "sum = 1", "sum += i * i": "sum *= i"}, r"kept: "),
    Edit("experiment-work", {WORK: "    extern double sin(double);\n    volatile double x = sin(1);\n    (void)x;\n"}, r"kept: "),
    Edit("experiment-work", {WORK: ""}, r"kept: "),
]

PROSE = {"experiment-work-about": "experiment-work"}

# ---------------------------------------------------------------- answers to its exercises

right("02.1", source="""List<String> places = new ArrayList<>(x86
    ? Arrays.asList("rdx", "r9", "stack 0", "stack 3")
    : Arrays.asList("x2", "x5", "x6", "stack 1"));""")
right("02.1", source="""List<String> row = Stream.concat(
    (x86 ? Stream.of("rdi", "rsi", "rdx", "rcx", "r8", "r9")
        : IntStream.range(0, 8).mapToObj(i -> "x" + i)),
    IntStream.range(0, 4).mapToObj(i -> "stack " + i)).toList();
List<String> places = Stream.of(2, 5, 6, 9).map(row::get).toList();""")

wrong("02.1", "`out` is an argument too", source="""List<String> places = x86
    ? List.of("rsi", "r8", "r9", "stack 2")
    : List.of("x1", "x4", "x5", "stack 0");""")
wrong("02.1", "floating-point arguments take no place", source="""List<String> places = x86
    ? List.of("rcx", "stack 1", "stack 2", "stack 5")
    : List.of("x3", "x7", "stack 0", "stack 3");""")
wrong("02.1", "no such place", {'"rdx"': '"edx"', '"x2"': '"w2"'})
wrong("02.1", "the lowest slot has number 0", {'"stack 0"': '"stack 1"', '"stack 1"': '"stack 2"'})
wrong("02.1", "count again", {'"rdx"': '"r8"', '"x2"': '"x4"'})
wrong("02.1", "four places are wanted", {', "stack 3"': "", ', "stack 1"': ""})
wrong("02.1", "four places are wanted", source="List<String> places = List.of();")
wrong("02.1", "four places are wanted: of c", source="""List<String> places = x86
    ? List.of("rdx", "r9", "stack 0", "stack 1", "stack 2", "stack 3")
    : List.of("x2", "x5", "x6", "x7", "stack 0", "stack 1");""")

DOUBLED = "SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE"
right("02.2", {DOUBLED: "SAVE_ONE\n    DOUBLE_IN_ONE\n    RESTORE_ONE"})
right("02.2", {DOUBLED: "SAVE_ONE SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE RESTORE_ONE"})
right("02.2", {DOUBLED: "SAVE_ONE RESTORE_ONE SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE"})

wrong("02.2", "computes the result: is it there", {DOUBLED: ""})
wrong("02.2", "computes the result: is it there", {DOUBLED: "SAVE_ONE RESTORE_ONE"})
wrong("02.2", "what the register held on entry", {DOUBLED: "DOUBLE_IN_ONE"})
wrong("02.2", "what the register held on entry", {DOUBLED: "DOUBLE_IN_ONE SAVE_ONE RESTORE_ONE"})
wrong("02.2", "what the register held on entry", {DOUBLED: "SAVE_ONE RESTORE_ONE DOUBLE_IN_ONE"})
wrong("02.2", "what the register held on entry", {DOUBLED: "SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE DOUBLE_IN_ONE"})
wrong("02.2", "was everything taken off", {DOUBLED: "SAVE_ONE DOUBLE_IN_ONE"})
wrong("02.2", "was everything taken off", {DOUBLED: "SAVE_ONE SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE"})
wrong("02.2", "and no more", {DOUBLED: "SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE RESTORE_ONE"})
wrong("02.2", "and no more", {DOUBLED: "DOUBLE_IN_ONE RESTORE_ONE"})


def named(x86, aarch64):
    return f'List<String> forgettable = List.of((x86 ? "{x86}" : "{aarch64}").split(" "));'


X86, ARM = "rax rcx rdx rsi rdi r8 r9 r10 r11 rip rflags", " ".join(f"x{n}" for n in range(18)) + " pc nzcv"
right("02.3", source=named(" ".join(reversed(X86.split())), " ".join(reversed(ARM.split()))))
right("02.3", source=named(X86 + " rax", ARM + " x30"))
right("02.3", source=named(X86, ARM).replace("List.of(", "Arrays.asList("))

wrong("02.3", "no answer yet", source="List<String> forgettable = List.of();")
wrong("02.3", "without the stack pointer", source=named(X86 + " rsp", ARM + " sp"))
wrong("02.3", "the frame pointer is promised", source=named(X86 + " rbp", ARM + " x29"))
wrong("02.3", "they are callee-saved", source=named(X86 + " rbx r12", ARM + " x19 x20"))
wrong("02.3", "where is it kept", source=named(X86.replace("rip ", ""), ARM.replace("pc ", "")))
wrong("02.3", "who relies on it", source=named(X86.replace(" rflags", ""), ARM.replace(" nzcv", "")))
wrong("02.3", "a switch returns nothing", source=named(X86.replace("rax ", ""), ARM.replace("x0 ", "")))
wrong(
    "02.3",
    "arguments belong to the function",
    source=named(X86.replace("rsi rdi ", ""), ARM.replace("x1 x2 ", "")),
)
wrong("02.3", "which were changed", source=named(X86.replace("r10 r11 ", ""), ARM.replace("x16 x17 ", "")))
wrong("02.3", "in small letters", source=named(X86.upper(), ARM.upper()))
wrong("02.3", "as the picture has them", source=named(X86.replace("rax", "eax"), ARM.replace("x0", "w0")))

UNIT, VALUE, PLACE = ('ValueLayout.JAVA_%s.withName("%s")' % pair for pair in (("BYTE", "unit"), ("DOUBLE", "value"), ("INT", "place")))
GAP = "MemoryLayout.paddingLayout({})".format


def described(*layouts):
    return f"List<MemoryLayout> readingLayouts = List.of({', '.join(layouts)});"


right("02.4", source=described(UNIT, GAP(3), GAP(4), VALUE, PLACE, GAP(4)))
right("02.4", source=described(*(one.replace("ValueLayout.JAVA_", 'Linker.nativeLinker().canonicalLayouts().get("')
                                 .replace("BYTE", 'char")').replace("DOUBLE", 'double")').replace("INT", 'int")')
                                 for one in (UNIT, GAP(7), VALUE, PLACE, GAP(4)))))
right("02.4", source="List<MemoryLayout> readingLayouts = new ArrayList<>();\n"
      + "".join(f"readingLayouts.add({one});\n" for one in (UNIT, GAP(7), VALUE, PLACE, GAP(4))))
wrong("02.4", "no layouts yet", source=described())
wrong("02.4", "C leaves bytes out before it", source=described(UNIT, VALUE, PLACE))
wrong("02.4", "C leaves bytes out before it", source=described(UNIT, GAP(3), VALUE, PLACE, GAP(8)))
wrong("02.4", "begins where this one ends", source=described(UNIT, GAP(7), VALUE, PLACE))
wrong("02.4", "more padding before it than C has", source=described(UNIT, GAP(7), VALUE, GAP(4), PLACE))
wrong("02.4", "larger than it needs to be", source=described(UNIT, GAP(7), VALUE, PLACE, GAP(12)))
wrong("02.4", "Java's is another type", source=described(UNIT.replace("BYTE", "CHAR"), GAP(6), VALUE, PLACE, GAP(4)))
wrong("02.4", "C's int is Java's int", source=described(UNIT, GAP(7), VALUE, PLACE.replace("INT", "LONG")))
wrong("02.4", "C's double is Java's double", source=described(UNIT, GAP(7), VALUE.replace("DOUBLE", "FLOAT"), PLACE, GAP(4)))
wrong("02.4", "each field wants its name", source=described("ValueLayout.JAVA_BYTE", GAP(7), VALUE, PLACE, GAP(4)))
wrong("02.4", "order in which they are declared", source=described(VALUE, PLACE, UNIT, GAP(3)))
wrong("02.4", "three, named unit, value and place", source=described(UNIT, GAP(7), VALUE, GAP(8)))
wrong("02.4", "this field is not in the list", source=described(UNIT, GAP(7), VALUE.replace("value", "valve"), PLACE, GAP(4)))
