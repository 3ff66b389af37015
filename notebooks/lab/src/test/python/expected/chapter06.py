"""What chapter 06 prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import (
    AARCH64,
    READY,
    RISCV64,
    THE_29_LINES,
    WINDOWS,
    X86_64,
    Edit,
    Walk,
    loaded,
    measured,
    right,
    traces,
    wrong,
)

# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
    "threads-start": READY,
    "lines-source": r"^static void count\(void\) \{",
    "lines-run": [
        loaded(r"06-threads-and-a-scheduler\.c"),
        r"^THREAD 1 STARTING\nthread: 1 counter: 0\nTHREAD 2 STARTING\nthread: 2 counter: 0\nthread: 1 counter: 1$",
        r"^thread: 2 counter: 9\nTHREAD 1 FINISHED\n(thread: 2 counter: 1[0-4]\n){5}THREAD 2 FINISHED\n\Z",
        r"\A[^\n]*\n+([^\n]+\n){29}\Z",
    ],
    "states-thread": [r"^struct thread \{", r"struct context context;"],
    "states-jdk": r"\A(?=.*\bRUNNING\b)(?=.*\bPARKED\b)(?=.*\bYIELDED\b)(?=.*\bTERMINATED\b)",
    "next-choose": r"^static int choose\(const struct runtime \*r\) \{",
    # The question is about this very line.
    "next-yield": [r"^static bool t_yield\(", r"^    switch_context\(.*\);\n    return true;"],
    "trace-run": [r"^3 threads, 43 switches, ", r"^32 +thread 1 +thread 2 +finished$"],
    "trace-states": [
        r"^READY +RUNNING +43$",
        r"^RUNNING +READY +41$",
        r"^RUNNING +AVAILABLE +2$",
    ],
    "base-source": r"^static void run\(struct runtime \*r\) \{",
    "base-run": r"\A16 of 43 switches lead to the base thread\.\n\Z",
    "line-source": loaded("cell reached"),
    # The prose: at every switch but two.
    "line-run": [loaded("cell reached"), r"^43 switches, and the line was reached 41 times\.$"],
    "spawn-source": [r"^static int spawn\(", r"top\[GUARD\]", r"top\[SKIP\]", r"top\[FUNCTION\]"],
    "spawn-load": loaded(r"06-threads-and-a-scheduler\.c"),
    "spawn-new": [
        r"^top − 16 = .* start of guard$",
        r"^top − 24 .* start of skip$",
        r"^top − 32 = +r?sp > .* start of count_silently$",
        r"READY\. ",
    ],
    "spawn-waiting": [
        r"^top − 16 = .* start of guard$",
        r"^top − 24 .* start of skip$",
        r"r?sp > +\* [0-9a-f]{16}(  [0-9a-f ]+)? +in (t_yield|count_silently) \+ \d+",
        r"READY\. ",
    ],
    "guard-source": r"^static _Noreturn void guard\(void\) \{",
    "guard-return": r"^static void t_return\(struct runtime \*r\) \{",
    # The prose: higher than while the thread waited.
    "guard-done": [
        r"(?s)[0-9a-f]{16} +r?sp > [^\n]+in (t_yield|t_return|guard) \+ \d+.*^top − \d+ =? *r?sp > +[0-9a-f]{16}",
        r"\A(?!(?s:.*)red zone)(?s:.*)AVAILABLE\. ",
    ],
    "guard-full": r"\A3\n\Z",
    "skip-source": r"\(skip\)",
    "skip-table": [
        r"^function -16, guard -8 +(8 +0 +8 +misaligned|0 +0 +0 +right)$",
        r"^function -32, guard -24 +(8 +0 +8 +misaligned|0 +0 +0 +right)$",
        r"^function -32, skip -24, guard -16 +(8 +8 +8|0 +0 +0) +right$",
    ],
    "crash-run": [
        r"^Here guard prints a float: 1\.5$",
        r"^function -16, guard -8 +(crashed|came home)$",
        r"^function -32, skip -24, guard -16 +came home$",
    ],
    "crash-report": r"(?s)SIG(SEGV|BUS).*misaligned.*movaps|\ANothing crashed on this machine\.",
    "scan-run": r"^10,000 places, 2 threads +[\d,.]+ ns +#{40}$",
    # The prose: nearly all of the time goes into looking.
    "scan-ratio": [
        r"^4 places, 2 threads +1\.0 times",
        r"^10,000 places, 2 threads +[\d,]*\d\d\d\.\d times",
        r"^1,000 places, 1,000 threads +\d{1,2}\.\d times",
    ],
    "experiment-counts": r"^5 threads, 21 switches, ",
    "experiment-lottery": loaded("cell lottery"),
    # The prose: more tickets, more turns, and nobody has more than half of them.
    "experiment-lottery-run": [
        loaded("cell lottery"),
        r"^thread 1 +\d\d turns +#+\nthread 2 +\d\d turns +#+\nthread 3 +1[0-4]\d turns +#{40}$",
    ],
    "experiment-never": loaded("cell never"),
    "experiment-never-run": [
        loaded("cell never"),
        r"^turn 1 of thread 1\nturn 1 of thread 2$",
        r"^`trace_turns` was ended at its time limit, after 1\.\d s",
    ],
}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

# Eleven rounds of three: the base thread has its turn in each. Then thread 1 is done.
THE_43_SWITCHES = "43 switches, to " + ("120" * 11 + "20" * 5)


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


TRACES = traces(
    43,
    [
        (43, "((struct switch_record *)memory)[0].cause", 1),  # the first one yields
        (43, "((struct switch_record *)memory)[42].cause", 2),  # the last one returns
        (43, "((struct switch_record *)memory)[42].ready", 0),
        (1, "((struct switch_record *)memory)[0].cause", 1),
        (1, "((struct switch_record *)memory)[1].cause", 0),
    ],
)

PROGRAM = {
    X86_64: threads_and_a_scheduler("8", "0: misaligned", "8: right"),
    AARCH64: threads_and_a_scheduler("0", "0: right", "0: right"),
    RISCV64: threads_and_a_scheduler("0", "0: right", "0: right"),
    WINDOWS: threads_and_a_scheduler("8", "0: misaligned", "8: right", "-96, skip -88, guard -48"),
}

FACTS = [
    ("many(3, 1000)", 3000, 3000),
    ("many(10000, 10)", 100000, 100000),
    ("measure_layout(3, NULL)", -3, -3),
    ("spawn_on(NULL, 100, 0, NULL)", -4, -4),
    ("spawn_on(NULL, 65536, -1, NULL)", -4, -4),
    ("spawn_on(memory, sizeof memory, 0, &(uint64_t){0}) == READY", 1, 1),
    ("spawn_on(memory, sizeof memory, 1, &(uint64_t){0}) == READY", 1, 1),
    ("spawn_on(memory, sizeof memory, 2, &(uint64_t){0}) == AVAILABLE", 1, 1),
    ("trace_turns(NULL, 0, NULL, 0)", -4, -4),
    *TRACES,
]

WALK = Walk(["switch_context", "skip"], {"main", "count", "guard"}, begins={"guard"})

# ---------------------------------------------------------------- the changes that it suggests

EDITS = [
    Edit("experiment-never", {";                         /* try": "yield_thread();           /* try"}, r"time limit", fails=True),
]

# ---------------------------------------------------------------- answers to its exercises

# ---------------------------------------------------------------- 06.1: lay out a new stack

ROUNDED = "    top = (uint64_t *)((uintptr_t)top & ~(uintptr_t)15);\n"
GUARD = "    top[-2] = (uintptr_t)s->guard;\n"
SKIP = "    top[-3] = (uintptr_t)skip;\n"
FUNCTION = "    top[-4] = (uintptr_t)s->function;\n"
LOWEST = "    top -= 4;\n"

right(
    "06.1",
    {
        ROUNDED: "    while ((uintptr_t)top % 16 != 0)\n        top = (uint64_t *)((char *)top - 1);\n    top--;\n",
        GUARD: "    *--top = (uintptr_t)s->guard;\n",
        SKIP: "    *--top = (uintptr_t)skip;\n",
        FUNCTION: "    *--top = (uintptr_t)s->function;\n",
        LOWEST: "",
    },
)
right(
    "06.1",
    {
        ROUNDED: "    top = (uint64_t *)((uintptr_t)top / 16 * 16 - 64);\n",
        GUARD: "    top[2] = (uint64_t)s->guard;\n",
        SKIP: "    top[1] = (uint64_t)skip;\n",
        FUNCTION: "    top[0] = (uint64_t)s->function;\n",
        LOWEST: "",
    },
)
# On AArch64 neighbours are both right.
wrong("06.1", "two neighbours|found no address", {GUARD: "    top[-3] = (uintptr_t)s->guard;\n", SKIP: ""})
wrong(
    "06.1",
    "off by one word|found no address",
    {"top[-2]": "top[-1]", "top[-3]": "top[-2]", "top[-4]": "top[-3]", LOWEST: "    top -= 3;\n"},
)
wrong("06.1", "two of the words exchanged", {"s->guard": "s->function", "s->function": "s->guard"})
wrong("06.1", "found no address", {SKIP: ""})
wrong("06.1", "found no address", {GUARD: ""})
wrong("06.1", "found no address", {LOWEST: ""})
wrong("06.1", "counted from its end", {ROUNDED: ""})
wrong("06.1", "was the top rounded up", {"(uintptr_t)top &": "((uintptr_t)top + 15) &"})
wrong("06.1", "address of the top that counts", {ROUNDED: "    top = (uint64_t *)(s->stack + (s->size & ~(size_t)15));\n"})

# ---------------------------------------------------------------- 06.2: who finished first?

NOTED = "    finished[how_many++] = r->current;\n"
GIVEN = NOTED + "    t_yield(r);\n"

right("06.2", {NOTED: "    finished[how_many] = r->threads[r->current].id;\n    how_many += 1;\n"})
right("06.2", {NOTED: "    int32_t *next = finished;\n    while (*next != 0)\n        next++;\n    *next = r->current;\n"})
right("06.2", {GIVEN: "    *finished++ = in_use->current;\n    yield_thread();\n"})
wrong("06.2", "behind the switch does not run", {GIVEN: "    t_yield(r);\n" + NOTED})
wrong("06.2", "order of the places", {"finished[how_many++]": "finished[r->current - 1]"})
wrong("06.2", "written to one index", {"finished[how_many++]": "finished[0]"})
wrong("06.2", "written to one index", {"how_many++": "how_many"})
wrong("06.2", "one index too far", {"how_many++": "++how_many"})
wrong("06.2", "came back to guard", {GIVEN: NOTED})
wrong("06.2", "nothing was written", {NOTED: ""})
wrong("06.2", "order of the places", {NOTED: "    finished[how_many] = how_many + 1;\n    how_many++;\n"})
wrong("06.2", "not the numbers of those that finished", {"= r->current;": "= r->count - r->current;"})
wrong("06.2", "from the threads, not from the program", {NOTED: "    finished[how_many] = \"\\2\\3\\1\"[how_many % 3];\n    how_many++;\n"})

# ---------------------------------------------------------------- 06.3: priority without starving

RANK = "        int rank = priority[i] + waited[i]++;\n"
RESET = "    waited[best] = 0;\n"
BETTER = """        if (rank > highest) {
            highest = rank;
            best = i;
        }
"""

right("06.3", {BETTER: BETTER.replace("rank > highest", "rank >= highest")})
right("06.3", {RANK: "        waited[i] += 1;\n        int rank = waited[i] + priority[i];\n"})
right(
    "06.3",
    {
        RANK: "        int rank = priority[i] + waited[i];\n",
        RESET: "    for (int i = 0; i < r->count; i++)\n"
        "        waited[i] = i == best ? 0 : waited[i] + (r->threads[i].state == READY);\n",
    },
)
wrong("06.3", "a thread starves", {RANK: "        int rank = priority[i];\n"})
wrong("06.3", "have about as many", {RESET: ""})
wrong("06.3", "have about as many", {"priority[i] + waited[i]++": "waited[i]++"})
wrong("06.3", "base thread starves", {BETTER: BETTER.replace("best = i;", "best = i;\n            waited[i] = 0;"), RESET: ""})
wrong("06.3", "base thread starves", {"waited[i]++": "(i > 0 ? waited[i]++ : 0)"})
wrong("06.3", "base thread starves", {"waited[i]++": "(i == 3 ? waited[i]++ : 0)"})
wrong("06.3", "raises a rank by one", {"waited[i]++": "2 * waited[i]++"})
wrong("06.3", "raises a rank by one", {"waited[i]++": "waited[i]++ / 2"})
wrong("06.3", "raises a rank by one", {RESET: "    waited[best] /= 2;\n"})
wrong("06.3", "upside down", {"priority[i] +": "9 - priority[i] +"})
wrong("06.3", "none of these was chosen", {"priority[i] + waited[i]++": "-1 - priority[i]"})
wrong("06.3", "which is not READY", {"        if (r->threads[i].state != READY)\n            continue;\n": ""})
wrong("06.3", "does not come to an end|not READY", {"i < r->count; i++": "i < r->count; i += 0"})
wrong("06.3", "choice must follow from `priority`", {"priority[i] +": '"\\0\\10\\5\\2"[i] +'})

# ---------------------------------------------------------------- 06.4: whose reason is it?

SAVED = "        int reason = errno;\n"
YIELDED = "        yield_thread();\n"
REPORTED = "        report(id, reason);\n"
ANSWER = SAVED + YIELDED + REPORTED

right("06.4", {SAVED: "        const int32_t mine[] = {errno};\n", REPORTED: "        report(id, mine[0]);\n"})
right("06.4", {ANSWER: SAVED + YIELDED + "        errno = reason;\n        report(id, errno);\n"})
right("06.4", {ANSWER: SAVED + "        t_yield(in_use);\n" + YIELDED + REPORTED})
wrong("06.4", "keep yours where no other thread writes", {ANSWER: YIELDED + "        report(id, errno);\n"})
wrong("06.4", "keep yours where no other thread writes", {ANSWER: YIELDED + SAVED + REPORTED})
wrong("06.4", "keep yours where no other thread writes", {ANSWER: "        static int reason;\n        reason = errno;\n" + YIELDED + REPORTED})
wrong("06.4", "nobody else ran", {YIELDED: ""})
wrong("06.4", "nobody else ran", {ANSWER: SAVED + REPORTED + YIELDED})
wrong("06.4", "nothing was reported", {REPORTED: "        (void)reason;\n"})
wrong("06.4", "not the reason", {SAVED: "        int reason = -1;\n"})
wrong("06.4", "ask errno", {SAVED: "        int reason = 100 + id;\n"})
wrong("06.4", "yields again and again", {YIELDED: "        while (errno != 0)\n            yield_thread();\n"})
wrong("06.4", "not every thread", {YIELDED: "        if (id != 2)\n            yield_thread();\n"})
wrong("06.4", "nothing was reported", {"report(id, reason)": "report(0, reason)"})
