"""Answers to the exercises of chapter 07, and what the check must say to each."""

from answers import before, right, wrong

before("07", 'String RUNTIME = "07-the-runtime-in-200-lines";')

wrong("07.1", "came straight back", {"t_return();\n}": "return;\n}"})
wrong("07.1", "a yield only", {"    t_return();": "    yield_thread();"})
wrong("07.1", "not the program", {"    t_return();": "    exit(0);"})
wrong(
    "07.1",
    "its stack was never given back",
    {
        "    t_return();": "    struct thread *me = running->current, *next = me->next;\n"
        "    me->previous->next = next;\n    next->previous = me->previous;\n    resume(next);"
    },
)
wrong(
    "07.2",
    "still waits for all others",
    {
        "    t->previous = me;\n    t->next = me->next;\n    me->next = t->next->previous = t;":
        "    t->next = me;\n    t->previous = me->previous;\n    me->previous = t->previous->next = t;"
    },
)
wrong("07.2", "the ring is broken", {"= t->next->previous = t": "= t"})
wrong(
    "07.2",
    "the ring is broken",
    {"    t->previous->next = t->next;\n    t->next->previous = t->previous;\n": ""},
)
wrong("07.2", "only move, do not switch", {"->previous = t;\n}": "->previous = t;\n    resume(t);\n}"})
wrong("07.3", "it still takes its turns", {"resume(leave_ring())": "resume(running->current->next)"})
wrong("07.3", "comes straight back", {"    resume(leave_ring());\n": ""})
wrong(
    "07.3",
    "its stack had been given away",
    {
        "    resume(leave_ring());": "    struct thread *me = running->current, *next = leave_ring();\n"
        "    me->next = running->available;\n    running->available = me;\n    resume(next);"
    },
)
wrong(
    "07.3",
    "it has to leave the ring",
    {
        "    resume(leave_ring());": "    struct thread *me = running->current, *next = me->next;\n"
        "    next->previous = me->previous;\n    resume(next);"
    },
)
wrong("07.3", "it never ended", {"    resume(leave_ring());": "    for (;;)\n        yield_thread();"})
