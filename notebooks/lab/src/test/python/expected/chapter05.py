"""What chapter 05 prints, and what its readers will try: expected/__init__.py says what each name means."""

import re

from expected import (
    AARCH64,
    ALL_ABOVE,
    CALLEE_SAVED,
    READY,
    RISCV64,
    WINDOWS,
    X86_64,
    Walk,
    loaded,
    measured,
    right,
    words_of,
    wrong,
)

# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
    "there-start": READY,
    "game-ping": [r"^static void play_ping\(void\)", r"switch_context\(&ping\.context, &pong\.context\);"],
    "game-pong": [r"^static void play_pong\(void\)", r"for \(int i = 1;; i\+\+\)"],
    "game-side": [r"^struct side \{", r"struct context context;"],
    "game-load": loaded(r"05-there-and-back\.c"),
    "game-run": r"\Aping 1\n    pong 1\nping 2\n    pong 2\nping 3\n    pong 3\n\Z",
    "alone-edit": loaded("cell alone"),
    # The prose: what comes after the first stroke of each is not what three rounds would print.
    "alone-run": [
        loaded("cell alone"),
        r"(?s)^ping 1\n    pong 1\n(?!ping 2\n    pong 2\nping 3\n    pong 3)",
        r"^It (did not come back|returned -?\d+)\.$",
    ],
    # It needs callee-saved registers for what the loop uses.
    "alone-code": [r"^play_ping in C and as machine code\. -O2", r"\b(rbx|x19)\b"],
    "kept-source": [r"\(switch_context\)", r"// from here on the other stack"],
    "kept-run": [
        r"^\* (rdi|x0) ",
        r"^\* (rsi|x1) ",
        r"^  (rbx|x19) .* the same ",
        r"^  (r15|x28) .* the same ",
        r"(?s)^callee-saved: [^*]*^set apart",
    ],
    "kept-size": r"\AThe picture above has (144|272) bytes, a context has (56|160)\.\n\Z",
    "step-run": [
        # One instruction more in each switch, where the compiler marks targets of jumps by default.
        r"^switch_context, recorded one instruction at a time: (30|32|54|56) instructions on 2 stacks\.$",
        r"the new stack, entry.*: start of wait_for_ever|goes on at wait_for_ever",
        r"in look_at_waiting \+ \d+|goes on at look_at_waiting",
    ],
    "step-edit": loaded("cell pushed"),
    "step-edit-run": [
        r"^switch_context, switch_without_all, recorded one instruction at a time: \d+ instructions on 2 stacks\.$",
        r"^\d+ +switch_context(?:\+0x4)? +(push rbx|stp +x19, ?x30.*) +stores (rbx|x19) ",
        r"^\d+ +switch_context\+0x[0-9a-f]+ +(pop rbx|ldp +x19, ?x30)",
    ],
    "step-edit-lost": [
        r"^The chapter's switch loses nothing\.$",
        r"^This one loses (rbp r12 r13 r14 r15|x20 .* d15)\.$",
    ],
    "place-source": [r"^struct context \{$", r"\A(?!.*\b(rip|pc)\b)"],
    "place-stack": [r"^A stack of 96 bytes", r"^top − (40|48|56|64) .*\b(rsp|sp) >.*in wait_for_ever \+ [1-9]\d?$"],
    "place-assembly": [r"^wait_for_ever:$", r"^ +(call|bl) +switch_context"],
    "place-edit": loaded("cell diverted"),
    "place-edit-run": [loaded("cell diverted"), r"^1$"],
    "less-one": r"\AForgets (r15|x19), and loses \1\.\n\Z",
    "less-source": [r"^static void work\(void\)", r"chosen\(&adder\.context, &home\);"],
    "less-run": loaded(r"05-there-and-back\.c"),
    # The prose: at -O0 almost any register can be left out, and from -O1 on none that is used.
    "less-show": [
        r"^forgotten +-O0 +-O1 +-O2$",
        r"^nothing( +✔ right){3}$",
        *[
            rf"^({x86}|{arm}) +✔ right( +✘ (wrong sum|never ends|crash)){{2}}$"
            for x86, arm in zip("r15 r14 r13 r12 rbx".split(), "x19 x20 x19 x20 d8".split())
        ],
        r"^(rbp|all)( +✘ (wrong sum|never ends|crash)){3}$|^x29 ",
        r"^all .*( +✘ (wrong sum|never ends|crash)){2}$",
    ],
    "less-why": [r"^-O0 +(rbp|x29)", r"^-O1 +(r15 .*rbp|x19 )", r"^-O2 +(r15 .*rbp|x19 )"],
    "control-source": r"^static void round_upward\(void\)",
    "control-run": [
        r"^switch_context +0\.3333333333333333 +0\.33333333333333337$",
        r"^switch_keeping_control +0\.3333333333333333 +0\.3333333333333333$",
    ],
    "control-keep": [r"^static void switch_keeping_control", r"(?s)\{\n[^;]+;[^;]+;[^;]+;\n\}"],
    "control-cost": [r"^a switch +[\d.]+ ns", r"^a switch that keeps the control words +[\d.]+ ns"],
    "experiment-numbers": loaded("cell numbers"),
    "experiment-numbers-run": [loaded("cell numbers"), r"^\[0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89\]$"],
}

SMALL_SCREEN = ALL_ABOVE

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions


def there_and_back(architecture, registers=None):
    """What chapter 05 prints: each register that a switch forgets is lost, and no other."""
    registers = registers or CALLEE_SAVED[architecture]
    every = [word for register in CALLEE_SAVED[architecture] for word in words_of(register)]
    return [
        *[line for n in (1, 2, 3) for line in (f"ping {n}", f"    pong {n}")],
        "sp of a side that waits is inside its stack: yes",
        measured("the word there is an address # bytes behind the beginning of its function"),
        "forgets nothing  loses  0: ",
        *[f"forgets {r:<8} loses {len(words_of(r)):2}: {' '.join(words_of(r))}" for r in registers],
        f"forgets all      loses {len(every):2}: {' '.join(every)}",
        "right sums, of 2: 2",
        # Valgrind always rounds to the nearest, whatever the program asks for.
        re.compile(r"control words not kept: 1/3 was 0\.33333333333333331, is 0\.3333333333333333[17]"),
        "control words kept: 1/3 was 0.33333333333333331, is 0.33333333333333331",
        measured("a switch: # ns"),
        measured("with the control words: # ns"),
    ]


# What a chapter says of its functions, as numbers: the file, an expression in C, and the lowest and
# highest value it may have, whatever the compiler. `memory` is an array of 64 KiB, all zeros.
LET_THROUGH = """__extension__ ({
    int right = 0;
    for (int c = 0; candidate_name(c) != NULL; c++) {
        bool all = true;
        for (int i = 0; i < REGISTERS; i++)
            planted[i] = 0x1122334455660000 + (uint64_t)i;
        try_switch(candidate_switch(c));
        for (int i = 0; i < REGISTERS; i++)
            all &= !is_callee_saved(register_names[i]) || planted[i] == came_back[i];
        right += all;
    }
    right;
})"""

PROGRAM = {
    X86_64: there_and_back(X86_64, ["r15", "r14", "r13", "r12", "rbx", "rbp"]),
    AARCH64: there_and_back(AARCH64),
    RISCV64: there_and_back(RISCV64),
    WINDOWS: there_and_back(
        WINDOWS, ["r15", "r14", "r13", "r12", "rbx", "rbp", "rdi", "rsi", *CALLEE_SAVED[WINDOWS][8:]]
    ),
}

FACTS = [
    ("right_sums(0, 100000)", 2, 2),
    ("right_sums(99, 1)", -2, -2),
    # Of the switches that exercise 05.2 tries, one is right; large numbers that differ tell which.
    (LET_THROUGH, 1, 1),
    ("candidate_switch(0) == switch_context && candidate_name(99) == NULL", 1, 1),
    # Who waits has little on its stack; its copy is never longer than the stack.
    ("copy_waiting(memory, 64)", 32, 1024),
    ("copy_waiting(memory, (size_t)1 << 40)", 32, 1024),
]

WALK = Walk(["switch_context", "skip"], {"main", "play_ping", "play_pong"})

# ---------------------------------------------------------------- the changes that it suggests

NO_CHANGE = {"exercise-2-solution": "a hint names the step"}

# ---------------------------------------------------------------- answers to its exercises

# ---------------------------------------------------------------- 05.1: a whole switch

PUSHES, EXCHANGE, POPS = "PUSH_FIRST PUSH_SECOND PUSH_THIRD", "CALL(switch_without_all)", "POP_THIRD POP_SECOND POP_FIRST"

right("05.1", {PUSHES: "PUSH_THIRD PUSH_SECOND PUSH_FIRST", POPS: "POP_FIRST POP_SECOND POP_THIRD"})
right("05.1", {PUSHES: "PUSH_SECOND\n    PUSH_FIRST\n    PUSH_THIRD", POPS: "POP_THIRD\n    POP_FIRST\n    POP_SECOND"})
right("05.1", {PUSHES: PUSHES + " PUSH_FIRST", POPS: "POP_FIRST " + POPS})
wrong("05.1", "what exchanges the stacks", {EXCHANGE: ""})
wrong("05.1", "what exchanges the stacks", {PUSHES: "", EXCHANGE: "", POPS: ""})
# On AArch64 the return address is lost as well.
wrong("05.1", "no group is kept|no return address", {PUSHES: "", POPS: ""})
wrong("05.1", "no group is kept|no return address", {EXCHANGE: "", POPS: POPS + "\n    " + EXCHANGE})
wrong("05.1", "values of others|no return address", {POPS: "POP_FIRST POP_SECOND POP_THIRD"})
wrong("05.1", "at least one group is not kept", {PUSHES: "PUSH_FIRST PUSH_SECOND", POPS: "POP_SECOND POP_FIRST"})
wrong("05.1", "at least one group is not kept", {PUSHES: "PUSH_FIRST", POPS: "POP_FIRST"})
wrong("05.1", "at least one group is not kept|no return address", {PUSHES: "PUSH_SECOND PUSH_THIRD", POPS: "POP_THIRD POP_SECOND"})
wrong("05.1", "no return address", {POPS: ""})
wrong("05.1", "no return address|values of others", {POPS: "POP_THIRD POP_SECOND"})
wrong("05.1", "no return address|values of others", {POPS: POPS + " POP_FIRST"})

# ---------------------------------------------------------------- 05.2: a test that catches a faulty switch

PLANT = """    for (int i = 0; i < REGISTERS; i++)
        planted[i] = 0x1122334455660000 + (uint64_t)i;
"""
VALUE = "0x1122334455660000 + (uint64_t)i"
COMPARE = """        if (is_callee_saved(register_names[i]) && came_back[i] != planted[i])
            right = 0;
"""
TRY = "    try_switch(function);\n"

right("05.2", {VALUE: "(uint64_t)(i + 1) * 0x0123456789abcdef"})
right(
    "05.2",
    {COMPARE: "        right &= !is_callee_saved(register_names[i]) || came_back[i] == planted[i];\n"},
)
right(
    "05.2",
    {
        COMPARE: """        if (is_callee_saved(register_names[i]) && memcmp(&came_back[i], &planted[i], 8) != 0)
            return 0;
"""
    },
)
wrong("05.2", "which registers may come back with another value", {"is_callee_saved(register_names[i]) && ": ""})
wrong("05.2", "every callee-saved register", {"is_callee_saved(register_names[i])": "i == 1"})
wrong("05.2", "hold equal values", {VALUE: "0x1122334455667788"})
wrong("05.2", "hold equal values", {PLANT: ""})
wrong("05.2", "upper half", {VALUE: "(uint64_t)i + 1"})
wrong("05.2", "sees no fault", {VALUE: "UINT64_MAX"})
wrong("05.2", "sees no fault", {COMPARE: "            (void)came_back[i];\n"})
wrong("05.2", "planted before, and compared after", {TRY: ""})
wrong("05.2", "planted before, and compared after", {PLANT: "", TRY: TRY + PLANT})
wrong("05.2", "refuses a right switch", {"came_back[i] != planted[i]": "came_back[i] == planted[i]"})
wrong(
    "05.2",
    "every callee-saved register",
    {COMPARE: "        if (is_callee_saved(register_names[i]))\n            right = came_back[i] == planted[i];\n"},
)
wrong("05.2", "indices from 0 to REGISTERS", {PLANT: PLANT.replace("i < REGISTERS", "i < 100000000")})

# ---------------------------------------------------------------- 05.3: begin with an argument

FUNCTION = "    echo.context.TRAMPOLINE_FUNCTION = (uintptr_t)body;\n"
ARGUMENT = "    echo.context.TRAMPOLINE_ARGUMENT = (uint64_t)argument;\n"

right("05.3", {FUNCTION: ARGUMENT, ARGUMENT: FUNCTION})
right(
    "05.3",
    {
        FUNCTION: "    struct context *new = &echo.context;\n    new->TRAMPOLINE_FUNCTION = (uint64_t)(uintptr_t)&body;\n",
        ARGUMENT: "    new->TRAMPOLINE_ARGUMENT = argument;\n",
    },
)
wrong("05.3", "the two are exchanged", {"TRAMPOLINE_FUNCTION": "TRAMPOLINE_ARGUMENT", "TRAMPOLINE_ARGUMENT": "TRAMPOLINE_FUNCTION"})
wrong("05.3", "found no address", {FUNCTION: ""})
wrong("05.3", "goes round in a circle", {"(uintptr_t)body": "(uintptr_t)trampoline"})
wrong(
    "05.3",
    "no function begins|found no address",
    {
        FUNCTION: "    echo.context = (struct context){.TRAMPOLINE_FUNCTION = (uintptr_t)body,\n",
        ARGUMENT: "        .TRAMPOLINE_ARGUMENT = (uint64_t)argument};\n",
    },
)
wrong("05.3", "nothing was put into", {ARGUMENT: ""})
wrong("05.3", "another value than", {"(uint64_t)argument": "43"})
wrong("05.3", "another value than", {"(uint64_t)argument": "42"})
wrong("05.3", "the place where it lies", {"(uint64_t)argument": "(uintptr_t)&argument"})
wrong("05.3", "to be begun by the switch", {FUNCTION: "    return argument;\n"})
wrong("05.3", "no function begins", {"(uintptr_t)body": "(uintptr_t)&argument"})
