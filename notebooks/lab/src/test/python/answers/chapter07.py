"""Answers to the exercises of chapter 07, and what the check must say to each."""

from answers import before, right, wrong

before("07", 'String RUNTIME = "07-the-runtime-in-200-lines";')

# 07.1: leave from anywhere

T_RETURN = "t_return();"
ME = "struct thread *me = running->current;\n    "
UNLINK = "me->previous->next = me->next;\n    me->next->previous = me->previous;\n    "
GIVE = "me->next = running->available;\n    running->available = me;\n    "

right("07.1", {T_RETURN: ME + "struct thread *next = leave_ring();\n    " + GIVE + "resume(next);"})
right("07.1", {T_RETURN: ME + "struct thread *next = me->next;\n    " + UNLINK + GIVE + "resume(next);"})
right("07.1", {T_RETURN: "t_return();\n    __builtin_unreachable();"})
wrong("07.1", "came straight back", {T_RETURN: "return;"})
wrong("07.1", "it came back later", {T_RETURN: "yield_thread();"})
wrong("07.1", "it came back later", {T_RETURN: "yield_thread();\n    yield_thread();"})
wrong("07.1", "not the program", {T_RETURN: "exit(0);"})
wrong("07.1", "never gives the processor away", {T_RETURN: "for (;;) {\n    }"})
wrong("07.1", "a place was lost", {T_RETURN: "resume(leave_ring());"})
wrong(
    "07.1",
    "a place was lost",
    {T_RETURN: ME + "struct thread *next = leave_ring();\n    me->next = NULL;\n    running->available = me;\n    resume(next);"},
)
wrong("07.1", "not the base thread", {T_RETURN: ME + "leave_ring();\n    " + GIVE + "resume(&running->threads[0]);"})
wrong(
    "07.1",
    "comes the next in the ring",
    {T_RETURN: ME + "struct thread *previous = me->previous;\n    leave_ring();\n    " + GIVE + "resume(previous);"},
)
wrong(
    "07.1",
    "list of available places",
    {
        T_RETURN: ME + "struct thread *next = leave_ring();\n    running->available = me;\n"
        "    me->next = running->available;\n    resume(next);"
    },
)

# 07.2: the youngest first

OUT = "thread->previous->next = thread->next;\n    thread->next->previous = thread->previous;\n    "
IN = "join_ring(thread, running->current->next);"
WHOLE = "thread->previous->next = thread->next;"
SECOND = "    thread->next->previous = thread->previous;\n"

right(
    "07.2",
    {
        IN: "struct thread *me = running->current;\n    thread->previous = me;\n    thread->next = me->next;\n"
        "    me->next = thread->next->previous = thread;"
    },
)
right(
    "07.2",
    {
        IN: "struct thread *me = running->current, *second = me->next;\n    me->next = thread;\n"
        "    thread->previous = me;\n    thread->next = second;\n    second->previous = thread;"
    },
)
right(
    "07.2",
    {
        WHOLE: "struct thread *before = thread->previous, *behind = thread->next;\n    before->next = behind;",
        SECOND: "    behind->previous = before;\n",
    },
)
wrong("07.2", "nothing was moved", {WHOLE: "(void)thread;", SECOND: "", "    " + IN: ""})
wrong("07.2", "to the end of the round", {IN: "join_ring(thread, running->current);"})
wrong("07.2", "the ring is broken", {WHOLE: "", SECOND: ""})
wrong("07.2", "the ring is broken|previous", {WHOLE: ""})
wrong("07.2", "previous|the ring is broken", {SECOND: ""})
wrong("07.2", "do not switch", {IN: IN + "\n    resume(thread);"})
wrong("07.2", "4 was not the next", {IN: "join_ring(thread, running->current->next->next);"})
wrong(
    "07.2",
    "previous",
    {
        IN: "struct thread *me = running->current;\n    thread->previous = me;\n    thread->next = me->next;\n"
        "    me->next = thread;"
    },
)
wrong(
    "07.2",
    "when it has been taken out",
    {
        WHOLE: "struct thread *second = running->current->next;\n    " + WHOLE,
        IN: "join_ring(thread, second);",
    },
)

# 07.3: wait without turns

PARK = "    resume(leave_ring());\n"
CHECK = "    if (thread->next == thread && thread != running->current)\n        "
WAKE = "join_ring(thread, running->current);"

right(
    "07.3",
    {PARK: "    struct thread *me = running->current, *next = leave_ring();\n    (void)me;\n    resume(next);\n"},
)
right(
    "07.3",
    {
        PARK: "    struct thread *me = running->current, *next = me->next;\n    me->previous->next = next;\n"
        "    next->previous = me->previous;\n    me->next = me->previous = me;\n"
        "    resume(next != me ? next : &running->threads[0]);\n"
    },
)
right(
    "07.3",
    {
        CHECK + WAKE: "    struct thread *me = running->current;\n    if (thread == me || thread->previous != thread)\n"
        "        return;\n    thread->next = me;\n    thread->previous = me->previous;\n"
        "    me->previous = thread->previous->next = thread;"
    },
)
wrong("07.3", "park comes straight back", {PARK: ""})
wrong("07.3", "still takes its turns", {PARK: "    yield_thread();\n"})
wrong("07.3", "never came back", {CHECK + WAKE: "    (void)thread;"})
wrong("07.3", "not the base thread", {PARK: "    leave_ring();\n    resume(&running->threads[0]);\n"})
wrong(
    "07.3",
    "not the previous one",
    {PARK: "    struct thread *previous = running->current->previous;\n    leave_ring();\n    resume(previous);\n"},
)
wrong("07.3", "put in once more", {CHECK: "    "})
wrong(
    "07.3",
    "given away",
    {
        PARK: "    struct thread *me = running->current, *next = leave_ring();\n    me->next = running->available;\n"
        "    running->available = me;\n    resume(next);\n"
    },
)
wrong("07.3", "given away", {PARK: "    t_return();\n"})
wrong("07.3", "never ends", {PARK: "    for (;;)\n        yield_thread();\n"})
