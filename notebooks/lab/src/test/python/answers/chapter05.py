"""Answers to the exercises of chapter 05, and what the check must say to each."""

from answers import right, wrong

wrong(
    "05.1",
    "what was pushed last is popped first",
    {
        "POP(r15) POP(r14) POP(r13) POP(r12) POP(rbx) POP(rbp)": "POP(rbp) POP(rbx) POP(r12) POP(r13) POP(r14) POP(r15)",
        "POP(d8, d9) POP(d10, d11) POP(d12, d13) POP(d14, d15) POP(x19, x20)": "POP(x29, x30) POP(x27, x28) POP(x25, x26) POP(x23, x24) POP(x21, x22)",
        "POP(x21, x22) POP(x23, x24) POP(x25, x26) POP(x27, x28) POP(x29, x30)": "POP(x19, x20) POP(d14, d15) POP(d12, d13) POP(d10, d11) POP(d8, d9)",
    },
)
wrong(
    "05.1",
    "look at their order, and whether each is there",
    {"POP(r13) POP(r12)": "POP(r12) POP(r13)", "POP(d8, d9) POP(d10, d11)": "POP(d10, d11) POP(d8, d9)"},
)
wrong(
    "05.1",
    "its slot was skipped|whether each is there",
    {"POP(r15)": '"add rsp, 8\\n"', "POP(d8, d9)": '"add sp, sp, #16\\n"'},
)
wrong("05.1", "do saved registers still lie there", {"POP(r15) ": "", "POP(d8, d9) ": ""})
wrong("05.1", "a sum or a counter was in it", {"POP(rbx)": '"add rsp, 8\\n"', "POP(x19, x20)": '"add sp, sp, #16\\n"'})
wrong(
    "05.2",
    "the two are exchanged",
    {"context.FUNCTION_IN": "context.ARGUMENT_IN", "context.ARGUMENT_IN": "context.FUNCTION_IN"},
)
wrong("05.2", "is that the address of body", {"echo.context.FUNCTION_IN = (uintptr_t)body;": "(void)body;"})
wrong("05.2", "goes round in a circle", {"(uintptr_t)body": "((void)body, (uintptr_t)trampoline)"})
wrong(
    "05.2",
    "sp is lost",
    {
        "echo.context.FUNCTION_IN = (uintptr_t)body;": "echo.context = (struct context){.FUNCTION_IN = (uintptr_t)body,",
        "echo.context.ARGUMENT_IN = (uint64_t)argument;": ".ARGUMENT_IN = (uint64_t)argument};",
    },
)
wrong("05.2", "nothing was put into ARGUMENT_IN", {"echo.context.ARGUMENT_IN = (uint64_t)argument;": "(void)argument;"})
wrong("05.2", "not a number of your own", {"(uint64_t)argument": "((void)argument, 43)"})
