"""Answers to the exercises of chapter 07, and what the check must say to each."""

from answers import before, right, wrong

before("07", 'String RUNTIME = "07-the-runtime-in-200-lines";')

wrong("07.1", "came straight back", {"t_return(r);\n}": "(void)r;\n    return;\n}"})
wrong("07.1", "a yield only", {"    t_return(r);": "    yield_thread(r);"})
wrong("07.1", "not the program", {"    t_return(r);": "    (void)r;\n    exit(0);"})
wrong(
    "07.1",
    "its stack was never given back",
    {
        "    t_return(r);": "    struct thread *me = r->current, *next = me->next;\n"
        "    me->previous->next = next;\n    next->previous = me->previous;\n    resume(r, next);"
    },
)
wrong(
    "07.2",
    "still waits for all others",
    {
        "    t->previous = r->current;\n    t->next = r->current->next;\n    r->current->next = t->next->previous = t;":
        "    t->next = r->current;\n    t->previous = r->current->previous;\n"
        "    r->current->previous = t->previous->next = t;"
    },
)
wrong("07.2", "the ring is broken", {"= t->next->previous = t": "= t"})
wrong(
    "07.2",
    "the ring is broken",
    {"    t->previous->next = t->next;\n    t->next->previous = t->previous;\n": ""},
)
wrong("07.2", "only move, do not switch", {"->previous = t;\n}": "->previous = t;\n    resume(r, t);\n}"})
wrong("07.3", "it still takes its turns", {"next = me->next;": "next = me->next;\n    resume(r, next);\n    return;"})
wrong("07.3", "comes straight back", {"    resume(r, next);\n": ""})
wrong(
    "07.3",
    "its stack had been given away",
    {"    resume(r, next);": "    me->next = r->available;\n    r->available = me;\n    resume(r, next);"},
)
wrong("07.3", "it has to leave the ring", {"    me->previous->next = next;\n": ""})
wrong("07.3", "the ring is not whole, backwards too", {"    next->previous = me->previous;\n": ""})
wrong(
    "07.3",
    "it never ended",
    {
        "    struct thread *me = r->current, *next = me->next;\n": "    for (;;)\n        yield_thread(r);\n",
        "    me->previous->next = next;\n    next->previous = me->previous;\n    resume(r, next);\n": "",
    },
)
