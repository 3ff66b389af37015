"""Answers to the exercises of chapter 03, and what the check must say to each."""

from answers import right, wrong

# Whether a misaligned printf crashes is the C library's affair.
wrong(
    "03.1",
    "misaligned: move all of it down|think of 16",
    {"top[-3] =": "top[-2] =", "top[-4] =": "top[-3] =", "&top[-4]": "&top[-3]"},
)
wrong(
    "03.1",
    "the two are exchanged",
    {"= (uintptr_t)way_home;": "= (uintptr_t)hello;", "= (uintptr_t)hello;": "= (uintptr_t)way_home;"},
)
wrong("03.1", "the `ret` of swap takes this slot", {"    top[-4] = (uintptr_t)hello;\n": ""})
wrong("03.1", "hello returns to what lies here", {"    top[-3] = (uintptr_t)way_home;\n": ""})
wrong("03.1", "the address of one of your slots", {"sp = &top[-4]": "sp = (uint64_t *)top[-4]"})
wrong("03.1", "mend the slots above first", {"    sp = &top[-4];\n": ""})
wrong(
    "03.2",
    "put `skip` into the slot|it crashed",
    {"[-5] = (uintptr_t)skip": "[-5] = (uintptr_t)first", "    top[-6] = (uintptr_t)first;\n": "", "&top[-6]": "&top[-5]"},
)
wrong(
    "03.2",
    "the lowest slot runs first",
    {"top[-4] = (uintptr_t)second": "top[-4] = (uintptr_t)first", "top[-6] = (uintptr_t)first": "top[-6] = (uintptr_t)second"},
)
wrong("03.2", "only one of them ran", {"&top[-6]": "&top[-4]"})
wrong("03.2", "is sp set", {"    sp = &top[-6];\n": ""})
