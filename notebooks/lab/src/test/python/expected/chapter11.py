"""What chapter 11 prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import measured

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
    ("pieces_of_work(memory, 9) == 0 && strcmp(memory, \"1:1 2:1 \") == 0", 1, 1),
    (f"after_a_rush((void *)memory) == 0 ? {RUSH}->used_pages : -1", 5, 25),
    (f"after_a_rush((void *)memory) == 0 ? {RUSH}->guards : -1", 8, 8),
]

NOT_FOR_WINDOWS = "it counts what other systems tell of a process's memory: x86_64-windows/machine.h says so"
