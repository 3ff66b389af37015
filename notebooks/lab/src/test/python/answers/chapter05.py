"""Answers to the exercises of chapter 05, and what the check must say to each."""

from answers import right, wrong

# ---------------------------------------------------------------- 05.1: what need not be kept


def names(*x86_64, aarch64=()):
    """The cell with these names. Where only x86-64's are given, the machine is not asked for its own."""
    return f"List<String> needless = List.of({', '.join(f'{name!r}' for name in (*x86_64, *aarch64))});".replace("'", '"')


ARM = ("pc", "x0", "x1", "x10", "d0")


def left_out(x86_64, aarch64=" ".join(ARM)):
    return names(*x86_64.split(), aarch64=aarch64.split())


right("05.1", source=left_out("xmm0 r10 rdi rax rip"))
right("05.1", source=left_out("RIP RAX RDI R10 XMM0"))
right("05.1", source='List<String> needless = new ArrayList<>(Set.of("rip", "rax", "rdi", "r10", "xmm0", "pc", "x0", "x1", "x10", "d0"));')
wrong("05.1", "nothing of the machine's own column", source="List<String> needless = List.of();")
wrong("05.1", "where does a side go on", source=left_out("rax rdi r10 xmm0", "x0 x1 x10 d0"))
wrong("05.1", "no way back to the stack", source=left_out("rip rsp rax rdi r10 xmm0", "pc sp x0 x1 x10 d0"))
wrong("05.1", "promised to the caller", source=left_out("rip rax rbx rdi r10 xmm0", "pc x0 x19 x1 x10 d0"))
wrong("05.1", "promised to the caller", source=left_out("rip rax rdi r10 rbp xmm0", "pc x0 x1 x10 d8 d0"))
wrong("05.1", "registers for floats count", source=left_out("rip rax rdi r10", "pc x0 x1 x10"))
wrong("05.1", "more can be left out", source=left_out("rip rax xmm0", "pc x0 d0"))
wrong("05.1", "as the table has them", source=left_out("rip rax rdi r10 xmm0 ymm0"))
wrong("05.1", "no way back", source=left_out("rip rsp rax rbx rdi r10 rbp xmm0", "pc sp x0 x19 x1 x10 d8 d0"))
wrong("05.1", "no way back", source=left_out("rsp rbx rbp", "sp x19 d8"))

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
