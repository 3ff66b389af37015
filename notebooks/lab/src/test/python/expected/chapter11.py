"""What chapter 11 prints, and what its readers will try: expected/__init__.py says what each name means."""

import re

from expected import READY, loaded, measured, right, wrong

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

PROGRAM = [
    "1000 turns of 100 threads",
    measured("a switch, inlined: # ns"),
    measured("a yield of 10: # ns, called # ns"),
    measured("six calls down: # ns, of two kinds # ns"),
    measured("in step: # ns, touched only # ns"),
    measured("spawned, run, ended: # ns"),
    measured("a system call: # ns"),
    "100 alive at once, 300 turns",
    "pieces: 1:1 2:1 3:1 1:1 2:1",
    "3 remember, 8 guard pages, 5 ran again",
]

MILLION = "((struct million_report *)memory)"
PRICE = "((struct stack_price *)memory)"
RUSH = "((struct rush_report *)memory)"


def price(threads, apart, guard, deep, what):
    return f"stack_price({threads}, {apart}, {guard}, 0, {deep}, (void *)memory) == 0 ? {PRICE}->{what} : -2"


FACTS = [
    ("many(10000, 100)", 1000000, 1000000),
    ("many(0, 1)", -1, -1),
    # Each of them has run, in each round, and all were there at once.
    (f"million(100000, 3, (void *)memory) == 0 ? {MILLION}->turns : -1", 400000, 400000),
    (f"million(100000, 3, (void *)memory) == 0 ? {MILLION}->threads : -1", 100000, 100000),
    # An idle thread keeps 4.2 KiB at most, with its guard.
    (f"million(100000, 1, (void *)memory) == 0 ? {MILLION}->resident / 100000 : -1", 4096, 4300),
    (f"million(100000, 1, (void *)memory) == 0 ? {MILLION}->page_tables / 100000 : -1", 30, 60),
    # A stack's place costs next to nothing, what is touched costs pages, and 2 MiB a page of table each.
    *[
        (price(5000, apart, guard, deep, what), low, high)
        for apart, guard, deep, what, low, high in [
            (20480, "BEST_GUARD", 0, "resident", 4096, 4300),
            (65536, "BEST_GUARD", 0, "resident", 4096, 4300),
            (65536, "NO_GUARD", 6000, "resident", 8192, 8500),
            (2097152, "BEST_GUARD", 0, "page_tables", 4096, 4300),
            (65536, "CUT", 0, "mappings", 10000, 10002),
            (65536, "NO_GUARD", 0, "mappings", 0, 2),
        ]
    ],
    ("stack_price(10, 1, 0, 0, 0, (void *)memory) + stack_price(10, 8192, 7, 0, 0, (void *)memory)", -2, -2),
    # As many cut guards as was said before, but for what the process itself maps meanwhile.
    ("cuts_allowed() - cuts_until_refused(100000)", -20, 20),
    ("threads_that_fit(1000, memory, 100)", 1000, 1000),
    ("threads_that_fit(1000, memory, 100) && strcmp(memory, \"all that were asked for\") == 0", 1, 1),
    ("threads_that_fit(INT64_C(1000000000), memory, 100) < 1000000000", 1, 1),
    # Kinds that yield by a call and that do not, side by side: who comes back is who left.
    ("yield_ns(1, 10, 0) > 0 && yield_ns(100, 10, 1) > 0 && deep_ns(3, 2, 6, 10) > 0", 1, 1),
    ("(long)yield_ns(0, 1, 0) + (long)crowd_ns(10, 1, 100, 0, 0) + (long)crowd_ns(10, 1, -1, 0, 0)", -3, -3),
    ("crowd_ns(100, 10, 2048, 0, 1) > 0 && touch_ns(100, 10, 2048, 1, 0) > 0", 1, 1),
    ("pieces_of_work(1, memory, 9) == 0 && strcmp(memory, \"1:1 2:1 \") == 0", 1, 1),
    (f"after_a_rush((void *)memory) == 0 ? {RUSH}->used_pages : -1", 5, 25),
    (f"after_a_rush((void *)memory) == 0 ? {RUSH}->guards : -1", 8, 8),
    # Nobody gives anything back: each of the five waits in its place.
    (f"after_a_rush((void *)memory) == 0 ? {RUSH}->begin_anew : -1", 0, 0),
]

NOT_FOR_WINDOWS = "it counts what other systems tell of a process's memory: x86_64-windows/machine.h says so"

# ---------------------------------------------------------------- what stands under its cells

N = r"[\d.,]+"
RATIO = rf"(takes {N} times as long as .* \({N} to {N}\)|they cannot be told apart here)$"
ENDS = rf"( \({N} to {N}\)|: they cannot be told apart here)$"
HOW = r"Medians of \d+ rounds, [\d.]+ s in all; from … to: half of the rounds\. (All are steady|Too far apart to say much: |TOO BUSY TO TELL)"


def rows(*names):
    """A row of a figure that shows spread, for each of them: the median, from, to; no claim on which is larger."""
    return [HOW, *[rf"^ *{re.escape(name)} +{N} +{N} +{N}$" for name in names]]


def priced(name):
    return rf"^ *{re.escape(name)} +[\d,]+( +(-?[\d,]+|not seen)){{6}}$|^ *{re.escape(name)}( +refused){{7}}$"


OUTPUTS = {
    "fast-start": READY,
    "trust-load": loaded(r"11-how-fast-how-many\.c"),
    "here-source": [r"^struct place \{", r"switch_here\(struct place \*old, struct place \*new\)"],
    "here-measure": [*rows("inlined", "called, chapter 07"), r"^called, chapter 07.*" + RATIO],
    "yield-source": [r"inline void resume\(struct thread \*next\)", r"resume\(current->next\);", r"void yield_by_call\(void\)"],
    "yield-measure": [
        *rows(*[f"of {n}, {how}" for n in (2, 100) for how in ("inlined", "by a call", "chapter 07")]),
        r"^of 2, chapter 07.*" + RATIO,
        r"^of 100, chapter 07.*" + RATIO,
    ],
    "deep-measure": [
        *rows(*[f"{k} kind{s}, {d} deep, {how}" for k, s in (("one", ""), ("two", "s")) for d in (0, 6) for how in ("inlined", "chapter 07")]),
        r"^one kind, 6 deep, inlined.*" + RATIO,
        r"^two kinds, 6 deep, inlined.*chapter 07" + ENDS,
        r"^two kinds, 6 deep, inlined.*one kind, 6 deep, inlined" + ENDS,
    ],
    "prices-measure": [loaded(r"01-why-green-threads\.c"), *rows("a call", "a switch, inlined", "a green thread's life", "an OS thread's life")],
    # What the text says: a switch about as much as a call; a life far more; a system call as well.
    "prices-ratio": [r"^a switch, inlined.*" + RATIO, r"^a green thread's life takes", r"^a system call takes [\d,]{2,}"],
    "crowd-measure": rows("100, as they are", "100, in step", "10,000, as they are", "10,000, 2 KiB apart", "10,000, touched only"),
    "crowd-compare": [r"^100, in step.*" + RATIO, r"^10,000, as they are.*" + RATIO, r"^10,000, touched only.*" + RATIO],
    "crowd-experiment": r"^1,000 threads, [\d,]+ bytes apart: a turn [\d.]+ ns, touched only [\d.]+ ns$",
    "stack-table": [
        r"^This system can(not)? mark guard pages",
        *[priced(name) for name in ("five pages", "and a guard page, cut", "stacks of 64 KiB", "stacks of 2 MiB", "of 2 MiB, huge pages")],
    ],
    "stack-cuts": r"^(Allowed: [\d,]+ threads; (refused after [\d,]+|[\d,]+ were made, and none refused)|This system tells no limit; [\d,]+ were made)\.$",
    "million-choose": r"^[\d,]+ threads: (all that|three quarters|half of|as many guard pages)",
    "million-run": [
        r"^[\d,]+ alive at once, each with a guard page; [\d,]+ turns; none was refused$",
        r"^[\d,]+ bytes of memory each, and (not seen|\d+) of page tables$",
        r"^made in [\d.]+ s, first turns [\d.]+ s, ended and freed in [\d.]+ s$",
        r"^a turn after that: [\d.]+ ns$",
    ],
    "peers-recorded": [
        r"^(Measured here|Recorded on another machine): nanoseconds",
        r"^.* corosensei, .* +[\d.]+ +[\d.]+$",
        r"^.* Boost\.Context.* +[\d.]+ +[\d.]+$",
        r"^.* JDK, Continuation +[\d.]+ +[\d.]+$",
    ],
}

EXPLAINED = {"register": ("here-explain", r"`register` and a name behind `__asm__` say in which register")}

# ---------------------------------------------------------------- the changes that it suggests

SAYS = {
    ("crowd-experiment", "100"): r"(?m)^100 threads, ",
    ("crowd-experiment", "30_000"): r"(?m)^30,000 threads, ",
    ("crowd-experiment", "64"): r"1,000 threads, ",
}

# ---------------------------------------------------------------- answers to its exercises

# 11.1: reckon, then measure

TOUCHED = "(deep + 200 + page - 1) / page * page;"
TABLE = "Math.min(page, apart / page * 8);"
SUM = "return touched + 64 + table;"

right("11.1", {TABLE: "apart / page >= page / 8 ? page : apart / page * 8;"})
right("11.1", {TOUCHED: "page;\n    while (touched < deep + 200) touched += page;"})
right("11.1", {SUM: "return touched + table + 8 * 8;"})
wrong("11.1", "no answer yet", {SUM: "return 0;"})
wrong("11.1", "what is reserved", {SUM: "return apart;"})
wrong("11.1", "what is reserved", {SUM: "return apart + 64;"})
wrong("11.1", "whole pages", {TOUCHED: "deep + 200;"})
wrong("11.1", "whole pages", {TOUCHED: "(deep + 200) / page * page;"})
wrong("11.1", "a page too many", {TOUCHED: "(deep + 200 + page - 1) / page * page + page;"})
wrong("11.1", "a page too many", {TABLE: "page;"})
wrong("11.1", "page table is missing", {SUM: "return touched + 64;"})
wrong("11.1", "add up", {TABLE: "apart / 8;"})
wrong("11.1", "whole pages", {TOUCHED: "deep + 200 + page - 1;", SUM: "return touched / page;"})

right("11.1", {TOUCHED: "Math.ceilDiv(deep + 200, page) * page;", TABLE: "(apart / page < page / 8) ? 8 * (apart / page) : page;"})
wrong("11.1", "one page of the page table at most", {TABLE: "apart / page * 8;"})
wrong("11.1", "128 pages apart.* the page table is missing", {TABLE: "apart / page < page / 8 ? 0 : page;"})
wrong("11.1", "the first frames take some bytes too", {TOUCHED: "(deep + page - 1) / page * page;"})

# 11.2: as seldom as need be

COUNT = "    if (++current->pieces % 10 == 0)\n"
YIELD = "        yield_thread();"

right("11.2", {COUNT: "    current->pieces++;\n    if (current->pieces % 10 == 0)\n"})
right("11.2", {COUNT + YIELD: "    if (++current->pieces < 10)\n        return;\n    current->pieces = 0;\n    yield_thread();"})
right("11.2", {YIELD: "        yield_by_call();"})
wrong("11.2", "nobody ever yields", {YIELD: "        current->pieces = 0;"})
wrong("11.2", "after each piece, as before", {COUNT: ""})
wrong("11.2", "after its first piece", {"++current->pieces % 10": "current->pieces++ % 10"})
wrong("11.2", "after eleven pieces", {COUNT + YIELD: "    if (++current->pieces > 10) {\n        current->pieces = 0;\n        yield_thread();\n    }"})
wrong("11.2", "after nine pieces", {"% 10": "% 9"})
wrong("11.2", "from thread to thread", {COUNT: "    static int pieces;\n    if (++pieces % 10 == 0)\n"})
wrong("11.2", "from thread to thread", {"++current->pieces": "++running->threads[0].pieces"})
wrong("11.2", "never again", {"% 10 == 0": "== 10"})
wrong("11.2", "not begun anew", {"% 10 == 0": ">= 10"})
wrong("11.2", "never ends", {COUNT: "    for (;;)\n"})
wrong("11.2", "it crashed", {YIELD: "        __builtin_trap();"})

right("11.2", {COUNT + YIELD: "    if (current->pieces == 0)\n        current->pieces = 10;\n    if (--current->pieces == 0)\n        yield_thread();"})
right("11.2", {COUNT + YIELD: "    if (++current->pieces == 10) {\n        yield_thread();\n        current->pieces = 0;\n    }"})
wrong("11.2", "the one that had its place before", {COUNT: "    static int done[100];\n    if (++done[current - running->threads] % 10 == 0)\n"})
wrong("11.2", "ended its process, by exit", {YIELD: "        exit(0);"})

# 11.3: give it back

LOOP = "    for (struct thread *t = r->available; t != NULL; t = t->next)\n"
FORGET = "        forget(t, stack_of(r, (int)(t - r->threads)), stack_bytes(r));"

right("11.3", {LOOP: "    struct thread *t = r->available;\n    for (; t; t = t->next)\n"})
right("11.3", {FORGET: "        forget(t, area_of(r, (size_t)(t - r->threads)) + r->page_size, r->shape.apart - r->page_size);"})
right("11.3", {FORGET: FORGET + "\n    for (int id = 0; id < 0; id++)\n        forget(&r->threads[id], stack_of(r, id), 0);"})
wrong("11.3", "nothing was given back", {FORGET: "        (void)t;"})
wrong("11.3", "when its stack has been given back", {FORGET: "        (void)stack_of(r, (int)(t - r->threads));"})
wrong("11.3", "some of their pages", {"t = t->next": "t = NULL"})
wrong("11.3", "some of their pages", {"stack_bytes(r));": "stack_bytes(r) - r->page_size);"})
wrong("11.3", "to write to a page is to touch it", {"forget(t, stack_of(r, (int)(t - r->threads)),": "memset(stack_of(r, (int)(t - r->threads)), 0,"})
wrong("11.3", "a thread that waited", {LOOP: "    for (struct thread *t = &r->threads[1]; t <= &r->threads[r->threads_made]; t++)\n"})
wrong("11.3", "never ends", {"t = t->next": "t = r->available"})
wrong("11.3", "found a place", {FORGET: FORGET + "\n    r->available = NULL;"})
wrong("11.3", "no longer there", {"forget(t, ": "munmap("})
wrong("11.3", "a thread that waited", {"stack_of(r, (int)(t - r->threads))": "stack_of(r, (int)(t - r->threads)) - r->shape.apart"})
wrong("11.3", "whose it is", {"forget(t, ": "forget(r->available, "})
right("11.3", {LOOP: "    for (struct thread *t = &r->threads[1]; t <= &r->threads[r->threads_made]; t++)\n        if (t->function == NULL)\n"})
right("11.3", {FORGET: "        madvise(stack_of(r, (int)(t - r->threads)), stack_bytes(r), MADV_DONTNEED), t->place.pc = NULL;"})
wrong("11.3", "outside of the thread's stack", {FORGET: "        forget(t, area_of(r, (size_t)(t - r->threads)), r->shape.apart);"})
wrong("11.3", "outside of the thread's stack", {"stack_bytes(r));": "stack_bytes(r) + r->page_size);"})
wrong("11.3", "outside of the thread's stack", {"stack_bytes(r));": "2 * stack_bytes(r));"})
wrong("11.3", "its place still leads", {"forget(t, ": "madvise(", "stack_bytes(r));": "stack_bytes(r), MADV_DONTNEED);"})
wrong("11.3", "the list ends where `next` is NULL", {
    LOOP: "    for (struct thread *t = r->available;; t = t->next)\n", FORGET: FORGET + "\n"})
wrong("11.3", "ended its process, by exit", {FORGET: FORGET + "\n    exit(0);"})
