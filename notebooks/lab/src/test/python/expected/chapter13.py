"""What chapter 13 prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import READY, loaded, right, wrong

# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
    "load": READY,
    "first-load": loaded(r"13-from-here-to-loom\.c"),
    "first-run": r"\A42\n\Z",
    "second-run": r"\A-6\n\Z",
    "experiment": r"\A12\n\Z",
}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

PROGRAM = [
    "thread 1, time 1",
    "thread 2, time 1",
    "thread 1, time 2",
    "thread 2, time 2",
    "sum: 30",
    "by the base thread, on their stacks: 0",
    "turns: 2000",
]

FACTS = [
    ("answer()", 42, 42),
    ("twice(-3)", -6, -6),
    ("call_where_they_stand(yield_and_double, 0)", 6, 6),
    ("call_where_they_stand(yield_and_double, 1)", 6, 6),
    ("call_by_the_base_thread(yield_and_double, 100000)", 600000, 600000),
    ("whole_schedule(1000000)", 2000000, 2000000),
    ("whole_schedule(0) + call_by_the_base_thread(yield_and_double, 0)", 0, 0),
    ("(yield_thread(), 7)", 7, 7),
]

# ---------------------------------------------------------------- the changes that it suggests

SAYS = {
    ("experiment", "7"): r"\A14\n",
    ("experiment", "0"): r"\A0\n",
}

# ---------------------------------------------------------------- answers to its exercises


def number(text):
    return f"int number = {text};"


right("13.1", source=number("6 * 7"))
right("13.1", source=number("chapter.answer()"))
wrong("13.1", "still the hole's", source=number("0"))
wrong("13.1", "one too few", source=number("41"))
wrong("13.1", "one too many", source=number("43"))
wrong("13.1", "the sign is wrong", source=number("-42"))
wrong("13.1", "the digits are exchanged", source=number("24"))
wrong("13.1", "a half of it", source=number("21"))
wrong("13.1", "twice as much", source=number("84"))
wrong("13.1", "run the cell above", source=number("7"))

BODY = "return n + n;"
right("13.2", {BODY: "return 2 * n;"})
right("13.2", {BODY: "return n - -n;"})
wrong("13.2", "n itself", {BODY: "return n;"})
wrong("13.2", "n's square", {BODY: "return n * n;"})
wrong("13.2", "2 was added", {BODY: "return n + 2;"})
wrong("13.2", "whatever n is", {BODY: "return 42;"})
wrong("13.2", "still the hole's", {BODY: "return 0;"})
wrong("13.2", "the sign is wrong", {BODY: "return -2 * n;"})
wrong("13.2", "a half of n", {BODY: "return n / 2;"})
wrong("13.2", "it crashed", {BODY: "return *(volatile int *)0;"})
