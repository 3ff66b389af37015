"""What chapter {{number}} prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import READY, loaded, right, wrong

# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
    "load": READY,
    "first-load": loaded(r"{{stem}}\.c"),
    "first-run": r"\A42\n\Z",
    "second-run": r"\A-6\n\Z",
    "experiment": r"\A12\n\Z",
}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

PROGRAM = [
    "The answer is 42.",
    "Twice 21 is 42.",
]

FACTS = [
    ("answer()", 42, 42),
    ("twice(-3)", -6, -6),
]

# ---------------------------------------------------------------- the changes that it suggests

SAYS = {
    ("experiment", "7"): r"(?m)^14$",
    ("experiment", "0"): r"(?m)^0$",
}

# ---------------------------------------------------------------- answers to its exercises


def number(text):
    return f"int number = {text};"


right("{{number}}.1", source=number("6 * 7"))
right("{{number}}.1", source=number("chapter.answer()"))
wrong("{{number}}.1", "still the hole's", source=number("0"))
wrong("{{number}}.1", "one too few", source=number("41"))
wrong("{{number}}.1", "one too many", source=number("43"))
wrong("{{number}}.1", "the sign is wrong", source=number("-42"))
wrong("{{number}}.1", "the digits are exchanged", source=number("24"))
wrong("{{number}}.1", "a half of it", source=number("21"))
wrong("{{number}}.1", "twice as much", source=number("84"))
wrong("{{number}}.1", "run the cell above", source=number("7"))

BODY = "return n + n;"
right("{{number}}.2", {BODY: "return 2 * n;"})
right("{{number}}.2", {BODY: "return n - -n;"})
wrong("{{number}}.2", "n itself", {BODY: "return n;"})
wrong("{{number}}.2", "n's square", {BODY: "return n * n;"})
wrong("{{number}}.2", "2 was added", {BODY: "return n + 2;"})
wrong("{{number}}.2", "whatever n is", {BODY: "return 42;"})
wrong("{{number}}.2", "still the hole's", {BODY: "return 0;"})
wrong("{{number}}.2", "the sign is wrong", {BODY: "return -2 * n;"})
wrong("{{number}}.2", "a half of n", {BODY: "return n / 2;"})
wrong("{{number}}.2", "it crashed", {BODY: "return *(volatile int *)0;"})
