"""Answers to the exercises of chapter 06, and what the check must say to each."""

from answers import right, wrong

wrong(
    "06.1",
    "put skip between the two",
    {"top[-2] = (uintptr_t)guard": "top[-3] = (uintptr_t)guard", "    top[-3] = (uintptr_t)skip;\n": ""},
)
# On AArch64, where the stack pointer is taken off in pairs, such a stack pointer faults at once.
wrong(
    "06.1",
    "one word too high|is one missing",
    {"top[-2] =": "top[-1] =", "top[-3] =": "top[-2] =", "top[-4] =": "top[-3] =", "&top[-4]": "&top[-3]"},
)
wrong(
    "06.1",
    "is one missing or exchanged",
    {"= (uintptr_t)guard": "= (uintptr_t)function", "= (uintptr_t)function": "= (uintptr_t)guard"},
)
wrong("06.1", "is one missing or exchanged", {"    top[-3] = (uintptr_t)skip;\n": ""})
wrong("06.1", "round the top down", {"((uintptr_t)(stack + size) & ~(uintptr_t)15)": "(stack + size)"})
wrong("06.1", "the top was rounded up", {"(uintptr_t)(stack + size) &": "((uintptr_t)(stack + size) + 15) &"})
wrong(
    "06.2",
    "nothing behind t_yield runs",
    {"    finished[done++] = r->current;\n": "", "t_yield(r);\n}": "t_yield(r);\n    finished[done++] = r->current;\n}"},
)
wrong("06.2", "sorted by id", {"finished[done++]": "finished[r->current - 1]"})
wrong("06.2", "count `done` up", {"done++": "done"})
wrong("06.2", "one place too far", {"done++": "++done"})
wrong("06.2", "must not come back", {"AVAILABLE;\n    t_yield(r);": "AVAILABLE;"})
wrong("06.3", "it starves", {" + waited[i]++": ""})
wrong("06.3", "too equal", {"    waited[best] = 0;\n": ""})
wrong("06.3", "too equal", {"priority[i] + waited[i]++": "waited[i]++"})
wrong("06.3", "it waits too long", {"+ waited[i]++": "+ waited[i]++ / 8"})
wrong("06.3", "upside down", {"= priority[i]": "= 9 - priority[i]"})
wrong("06.3", "nobody was chosen", {"= priority[i]": "= -priority[i]"})
