"""What each chapter's native file prints when it is compiled alone.

One list of lines a file. A plain string must be the line, to the letter; a pattern (re.compile) must
match all of it: for what is measured, or differs between machines and compilers. Where architectures
differ, the entry is a dict with a list for each.
"""

import re

NUMBER = r"\d+(?:\.\d+)?"


def measured(text):
    """A line in which each `#` stands for a number that is not negative."""
    return re.compile(re.escape(text).replace(r"\#", rf"\s*{NUMBER}"))


X86_64 = "x86-64"
AARCH64 = "aarch64"

PROGRAMS = {
    "00-start-here": [
        "Hello from C.",
        "add(40, 2) is 42.",
        "The mean of 3 1 4 1 5 9 is 3.833.",
        re.compile(r"Compiled by (gcc|clang|Apple clang) \d+\.\d+\.\d+\."),
    ],
    "01-why-green-threads": [
        measured("A function call:# ns"),
        measured("A switch of threads:# ns"),
        measured("A thread made and ended:# ns"),
        measured("A sleeping thread keeps:# bytes of its stack in memory"),
        re.compile(r"Two threads on one core: (yes|not on this system)"),
        re.compile(r"preemptive  [AB.]{60}  \d+ changes"),
        "cooperative " + "AB" * 30 + "  60 turns",
        "greedy      " + "A" * 30 + "B" * 30 + "  31 turns",
    ],
    "02-registers-and-calls": {
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
    },
    "03-a-single-stack-swap": [
        "I LOVE WAKING UP ON A NEW STACK!",
        "Back on the old stack.",
        measured("hello used # bytes of the new one. The book gave it 48."),
    ],
}

# What a chapter says of its functions, as numbers: the file, an expression in C, and the lowest and
# highest value it may have, whatever the compiler.
FACTS = [
    ("00-start-here", "add(40, 2)", 42, 42),
    ("02-registers-and-calls", "square_sum(3, 4)", 25, 25),
    # The first run looks up printf; the book's 48 bytes are far too few, the smallest stack is enough.
    ("03-a-single-stack-swap", "stack_used_by_hello(smallest_stack())", 49, 16 * 1024),
    ("03-a-single-stack-swap", "swap_once(1)", -2, -2),
    ("03-a-single-stack-swap", "swap_on(NULL, 65536, NULL)", -1, -1),
]
