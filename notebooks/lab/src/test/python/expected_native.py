"""What each chapter's native file prints when it is compiled alone.

One list of lines a file. A plain string must be the line, to the letter; a pattern (re.compile) must
match all of it: for what is measured, or differs between machines and compilers. Where architectures
differ, the entry is a dict with a list for each.
"""

import re
import sys

NUMBER = r"\d+(?:\.\d+)?"


def measured(text):
    """A line in which each `#` stands for a number that is not negative."""
    return re.compile(re.escape(text).replace(r"\#", rf"\s*{NUMBER}"))


X86_64 = "x86-64"
AARCH64 = "aarch64"
RISCV64 = "riscv64"
WINDOWS = "x86-64-windows"

THE_29_LINES = [
    "THREAD 1 STARTING",
    "thread: 1 counter: 0",
    "THREAD 2 STARTING",
    "thread: 2 counter: 0",
    *[f"thread: {thread} counter: {n}" for n in range(1, 10) for thread in (1, 2)],
    "THREAD 1 FINISHED",
    *[f"thread: 2 counter: {n}" for n in range(10, 15)],
    "THREAD 2 FINISHED",
]
assert len(THE_29_LINES) == 29

# Eleven rounds of three: the base thread has its turn in each. Then thread 1 is done.
THE_43_SWITCHES = "43 switches, to " + ("120" * 11 + "20" * 5)
assert len(THE_43_SWITCHES.split()[-1]) == 43


def threads_and_a_scheduler(function, guard, mended, layout="-32, skip -24, guard -16"):
    """What chapter 06 prints: sp modulo 16 at the beginning of both, in three layouts."""
    return [
        *THE_29_LINES,
        THE_43_SWITCHES,
        f"function -16, guard -8             function {function}, guard {guard}",
        f"function -32, guard -24            function {function}, guard {guard}",
        f"function {layout}  function {function}, guard {mended}",
        "spawned into a table of 4 until it was full: 3",
        "turns of 100 threads that yield 100 times: 10000",
        measured("a yield with 2 threads of 4: # ns"),
    ]


# The registers that the callee owns, as each ABI has it: 64 bits of each, but 128 of an xmm.
CALLEE_SAVED = {
    X86_64: ["rbx", "rbp", "r12", "r13", "r14", "r15"],
    AARCH64: [f"x{n}" for n in range(19, 30)] + [f"d{n}" for n in range(8, 16)],
    RISCV64: [f"s{n}" for n in range(12)] + [f"fs{n}" for n in range(12)],
    WINDOWS: ["rbx", "rsi", "rdi", "rbp", "r12", "r13", "r14", "r15"] + [f"xmm{n}" for n in range(6, 16)],
}


def words_of(register):
    """What a register is called where it is compared, 64 bits at a time."""
    return [f"{register}.low", f"{register}.high"] if register.startswith("xmm") else [register]


def the_stack(way_home="at the top, afterwards: way home there, old sp there"):
    """What chapter 04 prints."""
    return [
        "0x1122334455667788 in memory: 88 77 66 55 44 33 22 11",
        "0x1237 aligned to 16: down 0x1230, up 0x1240",
        "nothing         uses 32 bytes",
        "I LOVE WAKING UP ON A NEW STACK!",
        measured("hello           uses # bytes"),
        measured("format_integer  uses # bytes"),
        measured("format_float    uses # bytes"),
        measured("recognizable    uses # bytes"),
        measured("recurse         uses # bytes"),
        measured("a frame of the recursion: # bytes"),
        way_home,
        "frames linked by their frame pointers: 3",
        "the innermost is the lowest: yes",
        re.compile(r"red zone: (128|0) bytes; a leaf's variables begin \d+ bytes (above|below) sp"),
        measured("the signal's frame begins # bytes below sp; the variables survived: yes"),
        measured("1 GiB reserved: 0 bytes in memory, after one byte was written # pages"),
        "1000 frames on a stack of 256 KiB with a guard page: fit",
        "the copied pointer points to the old stack's variable",
        "pointers into the copy: 0",
    ]


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


def other_machines(name, arguments, modulo, context, long=64, red_zone=0, home=0, knows="no"):
    """What chapter 08 prints of the machine that it runs on. A Mac has an underscore, and a red zone on AArch64."""
    return [
        f"machine: {name}",
        f"bits of a long: {long}",
        f"arguments in registers: {arguments}",
        "sp at a call, a multiple of: 16",
        f"sp at a beginning, modulo that: {modulo}",
        f"red zone, in bytes: {128 if sys.platform == 'darwin' else red_zone}",
        f"home space, in bytes: {home}",
        f"registers in a context, besides sp: {context[0]}",
        f"bytes of a context: {context[1]}",
        f"a function named f is, in assembly: {'_f' if sys.platform == 'darwin' else 'f'}",
        f"the system knows which stack runs: {knows}",
        "copies from 0: 1 1",
        "copied from 8: 2",
        "words in the other stack, by the book, 2022: 3",
        "words in the other stack, by ours: 0",
    ]


# As chapter 02 lists them: without ra, which the call itself uses, sp, gp and tp.
RISCV64_REGISTERS = (
    ["t0", "t1", "t2", "s0", "s1"]
    + [f"a{n}" for n in range(8)]
    + [f"s{n}" for n in range(2, 12)]
    + ["t3", "t4", "t5", "t6"]
)

RUNTIME = "07-the-runtime-in-200-lines"

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
        # One, or little more where others want the core; the system need not say.
        re.compile(r"Switches for each pass: +([01]\.\d|-\d+\.0)"),
        measured("A thread made and ended:# ns"),
        measured("A sleeping thread keeps:# bytes, its stack"),
        *[
            re.compile(rf"A sleeping thread keeps: +(\d+|unknown) bytes, {what}")
            for what in ("the system's stack", "the system's records", "page tables")
        ],
        re.compile(r"Two threads on one processor: (yes|not on this system)"),
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
    },
    "03-a-single-stack-swap": [
        "I LOVE WAKING UP ON A NEW STACK!",
        "Back on the old stack.",
        measured("hello used # bytes of the new one. The book gave it 48."),
    ],
    "04-the-stack": {
        X86_64: the_stack(),
        AARCH64: the_stack(),
        # Here a function's frame begins on the word that led to it, and at -O0 even an empty one has a frame.
        RISCV64: the_stack(re.compile("at the top, afterwards: way home (there|gone), old sp there")),
    },
    "05-there-and-back": {
        X86_64: there_and_back(X86_64, ["r15", "r14", "r13", "r12", "rbx", "rbp"]),
        AARCH64: there_and_back(AARCH64),
        RISCV64: there_and_back(RISCV64),
        WINDOWS: there_and_back(
            WINDOWS, ["r15", "r14", "r13", "r12", "rbx", "rbp", "rdi", "rsi", *CALLEE_SAVED[WINDOWS][8:]]
        ),
    },
    "06-threads-and-a-scheduler": {
        X86_64: threads_and_a_scheduler("8", "0: misaligned", "8: right"),
        AARCH64: threads_and_a_scheduler("0", "0: right", "0: right"),
        RISCV64: threads_and_a_scheduler("0", "0: right", "0: right"),
        WINDOWS: threads_and_a_scheduler("8", "0: misaligned", "8: right", "-96, skip -88, guard -48"),
    },
    RUNTIME: THE_29_LINES,
    "08-other-machines": {
        X86_64: other_machines("x86-64 System V", 6, 8, context=(6, 56), red_zone=128),
        AARCH64: other_machines("AArch64", 8, 0, context=(19, 160)),
        RISCV64: other_machines("RISC-V 64", 8, 0, context=(24, 200)),
        WINDOWS: other_machines(
            "x86-64 Windows", 4, 8, context=(18, 256), long=32, home=32, knows="yes"
        ),
    },
}

# The book's example again, in silence: every switch is counted, and as many recorded as there is room for.
# In 06 the base thread has a turn in each round, in 07 it waits until nobody is left in the ring.
def traces(switches, rows):
    call = f"trace_turns((int32_t[]){{10, 15}}, 2, (void *)memory, %s) == {switches}"
    return [(f"{call % room} ? {of} : -1", value, value) for room, of, value in rows]


TRACES_06 = traces(
    43,
    [
        (43, "((struct switch_record *)memory)[0].cause", 1),  # the first one yields
        (43, "((struct switch_record *)memory)[42].cause", 2),  # the last one returns
        (43, "((struct switch_record *)memory)[42].ready", 0),
        (1, "((struct switch_record *)memory)[0].cause", 1),
        (1, "((struct switch_record *)memory)[1].cause", 0),
    ],
)
TRACES_07 = traces(
    28,
    [
        (28, "((struct switch_record *)memory)[0].cause", 3),  # the base thread waits
        (28, "((struct switch_record *)memory)[1].cause", 1),
        (28, "((struct switch_record *)memory)[27].cause", 2),  # the last one returns
        (28, "((struct switch_record *)memory)[27].to", 0),
        (28, "((struct switch_record *)memory)[27].ready", 0),
        (1, "((struct switch_record *)memory)[0].ready", 1),
        (1, "((struct switch_record *)memory)[1].cause", 0),
    ],
)

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

FACTS = [
    ("00-start-here", "add(40, 2)", 42, 42),
    # Each pass is one switch, 100 hundredths of it, where the system counts them and nobody else wants the core.
    ("01-why-green-threads", "100 * (switches_per_pass(20000) < 0 ? 1 : switches_per_pass(20000))", 100, 135),
    ("01-why-green-threads", "-thread_memory(0, (int64_t *)memory)", 22, 22),
    ("01-why-green-threads", "thread_memory(200, (int64_t *)memory)", 0, 0),
    *[
        # The thread's own stack; the system's and the tables, which only Linux shows.
        ("01-why-green-threads", f"thread_memory(1000, (int64_t *)memory) + ((int64_t *)memory)[{kind}]", low, 65536)
        for kind, low in [(0, 4096), *[(kind, 4096 if sys.platform == "linux" else -1) for kind in (1, 3)]]
    ],
    ("02-registers-and-calls", "square_sum(3, 4)", 25, 25),
    # The first run looks up printf; the book's 48 bytes are far too few, the smallest stack is enough.
    ("03-a-single-stack-swap", "stack_used_by_hello(smallest_stack())", 49, 16 * 1024),
    ("03-a-single-stack-swap", "swap_once(1)", -2, -2),
    ("03-a-single-stack-swap", "swap_on(NULL, 65536, NULL)", -1, -1),
    ("04-the-stack", "run_on(NULL, 65536, 0, NULL)", -1, -1),
    ("04-the-stack", "run_on(malloc(1024), 1024, 0, NULL)", -2, -2),
    ("04-the-stack", "run_on(malloc(65536), 65536, 6, NULL)", -4, -4),
    # The book's 48 bytes are far too few for a printf; hello and format_integer fit the smallest.
    ("04-the-stack", "stack_used_by(2)", 49, 16 * 1024),
    ("04-the-stack", "byte_of_word(0x0102030405060708, 0)", 8, 8),
    ("04-the-stack", "best_guard()", 1, 2),
    # The prose: a page that mprotect made a guard page costs two mappings, a marked one page tables: a whole
    # one where the stacks are 2 MiB apart. A thousand of each, where the system has that way and shows it.
    *[
        (
            "04-the-stack",
            f"best_guard() < {way} || price_guards(1000, {apart}, {way}, (void *)memory) == NOT_SHOWN"
            f" ? {low} : ((struct guard_bill *)memory)->{field}",
            low,
            high,
        )
        for way, apart, field, low, high in [
            ("GUARD_MPROTECT", "64 << 10", "mappings", 1998, 2002),
            ("GUARD_MPROTECT", "2 << 20", "page_tables", 0, 64 << 10),
            ("GUARD_INSTALL", "2 << 20", "mappings", 0, 2),
            ("GUARD_INSTALL", "64 << 10", "page_tables", 100_000, 200_000),
            ("GUARD_INSTALL", "2 << 20", "page_tables", 4_000_000, 4_300_000),
        ]
    ],
    ("05-there-and-back", "right_sums(0, 100000)", 2, 2),
    ("05-there-and-back", "right_sums(99, 1)", -2, -2),
    # Of the switches that exercise 05.2 tries, one is right; large numbers that differ tell which.
    ("05-there-and-back", LET_THROUGH, 1, 1),
    ("05-there-and-back", "candidate_switch(0) == switch_context && candidate_name(99) == NULL", 1, 1),
    # Who waits has little on its stack; its copy is never longer than the stack.
    ("05-there-and-back", "copy_waiting(memory, 64)", 32, 1024),
    ("05-there-and-back", "copy_waiting(memory, (size_t)1 << 40)", 32, 1024),
    ("06-threads-and-a-scheduler", "many(3, 1000)", 3000, 3000),
    ("06-threads-and-a-scheduler", "many(10000, 10)", 100000, 100000),
    ("06-threads-and-a-scheduler", "measure_layout(3, NULL)", -3, -3),
    ("06-threads-and-a-scheduler", "spawn_on(NULL, 100, 0, NULL)", -4, -4),
    ("06-threads-and-a-scheduler", "spawn_on(NULL, 65536, -1, NULL)", -4, -4),
    ("06-threads-and-a-scheduler", "spawn_on(memory, sizeof memory, 0, &(uint64_t){0}) == READY", 1, 1),
    ("06-threads-and-a-scheduler", "spawn_on(memory, sizeof memory, 1, &(uint64_t){0}) == READY", 1, 1),
    ("06-threads-and-a-scheduler", "spawn_on(memory, sizeof memory, 2, &(uint64_t){0}) == AVAILABLE", 1, 1),
    ("06-threads-and-a-scheduler", "trace_turns(NULL, 0, NULL, 0)", -4, -4),
    *[("06-threads-and-a-scheduler", *fact) for fact in TRACES_06],
    *[(RUNTIME, *fact) for fact in TRACES_07],
    (RUNTIME, "trace_turns(NULL, 0, NULL, 0)", -1, -1),
    (RUNTIME, "registers_lost()", 0, 0),
    (RUNTIME, "many(10000, 100)", 1000000, 1000000),
    # 100,000 threads come and go, one by one and in hundreds: their stacks are used again.
    (RUNTIME, "grown_by(100000, 1)", 0, 256 * 1024),
    (RUNTIME, "grown_by(100000, 100)", 0, 2 * 1024 * 1024),
    # Few enough for a system that splits a mapping for each guard page.
    (RUNTIME, "family(20000)", 20000, 20000),
    # The promise of new_runtime, also where it fills whole pages; and a guard page that is refused.
    *[
        (RUNTIME, f"fewest_stack_bytes(100, {size}) >= {size}", 1, 1)
        for size in ["1", "16384", "4 * 4096 - STAGGERED - SAVED_WORDS * 8", "4 * 4096 - STAGGERED - SAVED_WORDS * 8 + 1"]
    ],
    # An odd number of pages from stack to stack; and no more of them than a small stack needs (3 of 16 KiB).
    *[
        (RUNTIME, f"(long)(new_runtime(1, {size})->area_size / (size_t)sysconf(_SC_PAGESIZE) % 2)", 1, 1)
        for size in ["1", "4096", "8192", "SMALL_STACK", "65536", "65536 + 4096"]
    ],
    (RUNTIME, "(long)new_runtime(1, SMALL_STACK)->area_size", 5 * 4096, 3 * 16384),
    (RUNTIME, "spawn_without_guard_page()", -2, -2),
    (RUNTIME, "deep_ns(3, 2, 6, 10) > 0", 1, 1),
    (RUNTIME, "runtimes_inside()", 62, 62),
    (RUNTIME, "book_example() + book_example()", 0, 0),
    (RUNTIME, "spawned_until_full(50)", 50, 50),
    (RUNTIME, "overflow(65536, 100)", 0, 0),
]
