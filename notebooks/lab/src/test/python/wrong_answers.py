"""Answers that readers will try, and what the check must say to each.

    wrong("03.1", says="the likely cause", replace={"what the solution has": "what they write"})
    wrong("03.1", says="the likely cause", source="the whole cell")

`says` is a pattern for the sentence under the check. Each exercise whose check names causes needs at
least one entry; a cause without an entry is a sentence that nobody has seen.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wrong:
    exercise: str
    says: str
    replace: dict = field(default_factory=dict)
    source: str = ""


def wrong(exercise, says, replace=None, source=""):
    assert bool(replace) != bool(source), "give either a replacement or a source"
    return Wrong(exercise, says, replace or {}, source)


DESCRIPTOR = """FunctionDescriptor.of(
        ValueLayout.JAVA_DOUBLE, ValueLayout.ADDRESS, ValueLayout.JAVA_INT)"""


def shape(text):
    return {DESCRIPTOR: text}


WRONG_ANSWERS = [
    wrong(
        "00.1",
        "ofVoid says that nothing",
        shape("FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_INT)"),
    ),
    wrong("00.1", "arguments are missing", shape("FunctionDescriptor.of(ValueLayout.JAVA_DOUBLE)")),
    wrong("00.1", "order is C's", {"ADDRESS, ValueLayout.JAVA_INT": "JAVA_INT, ValueLayout.ADDRESS"}),
    wrong("00.1", "a pointer is an ADDRESS", {"ValueLayout.ADDRESS": "ValueLayout.JAVA_LONG"}),
    wrong("00.1", "count is missing", {", ValueLayout.JAVA_INT": ""}),
    wrong("00.1", "a mean is a double", {"JAVA_DOUBLE": "JAVA_FLOAT"}),
    wrong("00.2", "only the first value", {"return best": "return values[0]"}),
    wrong("00.2", "last value was left out", {"i < count": "i < count - 1"}),
    wrong("00.2", "behind the last one was read", {"i < count": "i <= count"}),
    wrong("00.2", "this is the smallest", {"values[i] > best": "values[i] < best"}),
    wrong(
        "00.2",
        "begin with the first value, not with 0",
        {"best = values[0]": "best = 0", "i = 1": "i = 0"},
    ),
    wrong("01.1", "nanoseconds of switching, not seconds", {" / 1e9": ""}),
    wrong(
        "01.1",
        "upside down",
        {"switchesPerSecond * nsPerSwitch / 1e9": "1e9 / (switchesPerSecond * nsPerSwitch)"},
    ),
    wrong("01.1", "a second has 1e9 nanoseconds", {"1e9": "1e6"}),
    wrong("01.1", "do not stop at 1", {"return switches": "return Math.min(1, switches", "1e9;": "1e9);"}),
    wrong("01.2", "nobody said anything", {"return 'H'": "return 0"}),
    wrong("01.2", "nothing notes that H was said", {"me->place = 1;": ""}),
    wrong(
        "01.2",
        "one state for both",
        {"switch (me->place)": "static int place, i;\n    switch (place)", "me->place =": "place =", "me->i": "i"},
    ),
    wrong("01.2", "the count is lost", {"switch (": "int i = 0;\n    switch (", "me->i": "i"}),
    wrong("01.2", "one T too many", {"me->i++ < me->n": "me->i++ <= me->n"}),
    wrong("01.2", "one T too few", {"me->i++ < me->n": "++me->i < me->n"}),
    wrong("01.2", "after B comes one more place", {"me->place = 2;": ""}),
    wrong("01.2", "each has its own n", {"< me->n": "< 2"}),
    wrong("01.2", "look before you talk", {"me->i++ < me->n": "me->i++ < (me->n > 0 ? me->n : 1)"}),
    wrong("02.1", "`out` is an argument too", source="""List<String> places = x86
    ? List.of("rsi", "r8", "r9", "stack 2")
    : List.of("x1", "x4", "x5", "stack 0");"""),
    wrong("02.1", "floating-point arguments take no place", source="""List<String> places = x86
    ? List.of("rcx", "stack 1", "stack 2", "stack 5")
    : List.of("x3", "x7", "stack 0", "stack 3");"""),
    wrong("02.1", "no such place", {'"rdx"': '"edx"', '"x2"': '"w2"'}),
    wrong("02.1", "the lowest slot has number 0", {'"stack 0"': '"stack 1"', '"stack 1"': '"stack 2"'}),
    wrong("02.1", "count again", {'"rdx"': '"r8"', '"x2"': '"x4"'}),
    wrong("02.1", "four places are wanted", {', "stack 3"': "", ', "stack 1"': ""}),
    wrong("02.2", "SAVE belongs before WORK", {"SAVE WORK RESTORE": "WORK SAVE RESTORE"}),
    wrong("02.2", "SAVE belongs before WORK, RESTORE after it", {"SAVE WORK RESTORE": "SAVE RESTORE WORK"}),
    wrong("02.2", "WORK computes the result", {"SAVE WORK RESTORE": "SAVE RESTORE"}),
    wrong("02.2", "does a saved value still lie there", {"SAVE WORK RESTORE": "SAVE WORK"}),
    # Whether a misaligned printf crashes is the C library's affair.
    wrong(
        "03.1",
        "misaligned: move all of it down|think of 16",
        {"top[-3] =": "top[-2] =", "top[-4] =": "top[-3] =", "&top[-4]": "&top[-3]"},
    ),
    wrong(
        "03.1",
        "the two are exchanged",
        {"= (uintptr_t)way_home;": "= (uintptr_t)hello;", "= (uintptr_t)hello;": "= (uintptr_t)way_home;"},
    ),
    wrong("03.1", "the `ret` of swap takes this slot", {"    top[-4] = (uintptr_t)hello;\n": ""}),
    wrong("03.1", "hello returns to what lies here", {"    top[-3] = (uintptr_t)way_home;\n": ""}),
    wrong("03.1", "the address of one of your slots", {"sp = &top[-4]": "sp = (uint64_t *)top[-4]"}),
    wrong("03.1", "mend the slots above first", {"    sp = &top[-4];\n": ""}),
    wrong(
        "03.2",
        "put `skip` into the slot|it crashed",
        {"[-5] = (uintptr_t)skip": "[-5] = (uintptr_t)first", "    top[-6] = (uintptr_t)first;\n": "", "&top[-6]": "&top[-5]"},
    ),
    wrong(
        "03.2",
        "the lowest slot runs first",
        {"top[-4] = (uintptr_t)second": "top[-4] = (uintptr_t)first", "top[-6] = (uintptr_t)first": "top[-6] = (uintptr_t)second"},
    ),
    wrong("03.2", "only one of them ran", {"&top[-6]": "&top[-4]"}),
    wrong("03.2", "is sp set", {"    sp = &top[-6];\n": ""}),
    wrong("04.1", "paint is what was not used", {"value != paint": "value == paint"}),
    wrong("04.1", "count the hole too", {"used = below": "used++"}),
    wrong(
        "04.1",
        "paint in a frame is no end",
        {"        if (value != paint) {\n            used = below;\n": "        if (value == paint) {\n            break;\n", "        }\n    }": "        }\n        used = below;\n    }"},
    ),
    wrong("04.1", "one too few", {"used = below": "used = below - 1"}),
    wrong("04.2", "stays in one frame", {"caller = stack.get(ValueLayout.JAVA_LONG, at)": "caller = frame"}),
    wrong("04.2", "set caller as well", {"        caller = stack.get(ValueLayout.JAVA_LONG, at);\n": ""}),
    wrong("04.2", "the two are exchanged", {"caller = stack": "returnAddress = stack", "returnAddress = stack": "caller = stack"}),
    wrong("04.2", "8 bytes above the frame pointer, not below", {"at + 8": "at - 8"}),
    wrong("04.2", "nothing is read yet", {"returnAddress = stack.get(ValueLayout.JAVA_LONG, at + 8);": ""}),
    wrong("04.3", "nothing is written", {"copy.set(ValueLayout.JAVA_LONG, at, newLow + (word - oldLow))": "word += newLow - oldLow"}),
    wrong("04.3", "as far from newLow as it was from oldLow", {"newLow + (word - oldLow)": "newLow"}),
    wrong("04.3", "as far from newLow as it was from oldLow", {"newLow + (word - oldLow)": "word + oldLow - newLow"}),
    wrong("04.3", ">= and not >", {"word >= oldLow": "word > oldLow"}),
    wrong("04.3", "so that the highest byte is within", {"word < oldLow + size": "word < oldLow + size - 8"}),
    wrong("04.3", "< and not <=", {"word < oldLow + size": "word <= oldLow + size"}),
    wrong("04.3", "compare with oldLow as well", {"word >= oldLow && ": ""}),
    wrong(
        "05.1",
        "what was pushed last is popped first",
        {
            "POP(r15) POP(r14) POP(r13) POP(r12) POP(rbx) POP(rbp)": "POP(rbp) POP(rbx) POP(r12) POP(r13) POP(r14) POP(r15)",
            "POP(d8, d9) POP(d10, d11) POP(d12, d13) POP(d14, d15) POP(x19, x20)": "POP(x29, x30) POP(x27, x28) POP(x25, x26) POP(x23, x24) POP(x21, x22)",
            "POP(x21, x22) POP(x23, x24) POP(x25, x26) POP(x27, x28) POP(x29, x30)": "POP(x19, x20) POP(d14, d15) POP(d12, d13) POP(d10, d11) POP(d8, d9)",
        },
    ),
    wrong(
        "05.1",
        "look at their order, and whether each is there",
        {"POP(r13) POP(r12)": "POP(r12) POP(r13)", "POP(d8, d9) POP(d10, d11)": "POP(d10, d11) POP(d8, d9)"},
    ),
    wrong(
        "05.1",
        "its slot was skipped|whether each is there",
        {"POP(r15)": '"add rsp, 8\\n"', "POP(d8, d9)": '"add sp, sp, #16\\n"'},
    ),
    wrong("05.1", "do saved registers still lie there", {"POP(r15) ": "", "POP(d8, d9) ": ""}),
    wrong("05.1", "a sum or a counter was in it", {"POP(rbx)": '"add rsp, 8\\n"', "POP(x19, x20)": '"add sp, sp, #16\\n"'}),
    wrong(
        "05.2",
        "the two are exchanged",
        {"context.FUNCTION_IN": "context.ARGUMENT_IN", "context.ARGUMENT_IN": "context.FUNCTION_IN"},
    ),
    wrong("05.2", "is that the address of body", {"echo.context.FUNCTION_IN = (uintptr_t)body;": "(void)body;"}),
    wrong("05.2", "goes round in a circle", {"(uintptr_t)body": "((void)body, (uintptr_t)trampoline)"}),
    wrong(
        "05.2",
        "sp is lost",
        {
            "echo.context.FUNCTION_IN = (uintptr_t)body;": "echo.context = (struct context){.FUNCTION_IN = (uintptr_t)body,",
            "echo.context.ARGUMENT_IN = (uint64_t)argument;": ".ARGUMENT_IN = (uint64_t)argument};",
        },
    ),
    wrong("05.2", "nothing was put into ARGUMENT_IN", {"echo.context.ARGUMENT_IN = (uint64_t)argument;": "(void)argument;"}),
    wrong("05.2", "not a number of your own", {"(uint64_t)argument": "((void)argument, 43)"}),
    wrong(
        "06.1",
        "put skip between the two",
        {"top[-2] = (uintptr_t)guard": "top[-3] = (uintptr_t)guard", "    top[-3] = (uintptr_t)skip;\n": ""},
    ),
    # On AArch64, where the stack pointer is taken off in pairs, such a stack pointer faults at once.
    wrong(
        "06.1",
        "one word too high|is one missing",
        {"top[-2] =": "top[-1] =", "top[-3] =": "top[-2] =", "top[-4] =": "top[-3] =", "&top[-4]": "&top[-3]"},
    ),
    wrong(
        "06.1",
        "is one missing or exchanged",
        {"= (uintptr_t)guard": "= (uintptr_t)function", "= (uintptr_t)function": "= (uintptr_t)guard"},
    ),
    wrong("06.1", "is one missing or exchanged", {"    top[-3] = (uintptr_t)skip;\n": ""}),
    wrong("06.1", "round the top down", {"((uintptr_t)(stack + size) & ~(uintptr_t)15)": "(stack + size)"}),
    wrong("06.1", "the top was rounded up", {"(uintptr_t)(stack + size) &": "((uintptr_t)(stack + size) + 15) &"}),
    wrong(
        "06.2",
        "nothing behind t_yield runs",
        {"    finished[done++] = r->current;\n": "", "t_yield(r);\n}": "t_yield(r);\n    finished[done++] = r->current;\n}"},
    ),
    wrong("06.2", "sorted by id", {"finished[done++]": "finished[r->current - 1]"}),
    wrong("06.2", "count `done` up", {"done++": "done"}),
    wrong("06.2", "one place too far", {"done++": "++done"}),
    wrong("06.2", "must not come back", {"AVAILABLE;\n    t_yield(r);": "AVAILABLE;"}),
    wrong("06.3", "it starves", {" + waited[i]++": ""}),
    wrong("06.3", "too equal", {"    waited[best] = 0;\n": ""}),
    wrong("06.3", "too equal", {"priority[i] + waited[i]++": "waited[i]++"}),
    wrong("06.3", "it waits too long", {"+ waited[i]++": "+ waited[i]++ / 8"}),
    wrong("06.3", "upside down", {"= priority[i]": "= 9 - priority[i]"}),
    wrong("06.3", "nobody was chosen", {"= priority[i]": "= -priority[i]"}),
    wrong("07.1", "came straight back", {"t_return(r);\n}": "(void)r;\n    return;\n}"}),
    wrong("07.1", "a yield only", {"    t_return(r);": "    yield_thread(r);"}),
    wrong("07.1", "not the program", {"    t_return(r);": "    (void)r;\n    exit(0);"}),
    wrong(
        "07.1",
        "its stack was never given back",
        {
            "    t_return(r);": "    struct thread *me = r->current, *next = me->next;\n"
            "    me->previous->next = next;\n    next->previous = me->previous;\n    resume(r, next);"
        },
    ),
    wrong(
        "07.2",
        "still waits for all others",
        {
            "    t->previous = r->current;\n    t->next = r->current->next;\n    r->current->next = t->next->previous = t;":
            "    t->next = r->current;\n    t->previous = r->current->previous;\n"
            "    r->current->previous = t->previous->next = t;"
        },
    ),
    wrong("07.2", "the ring is broken", {"= t->next->previous = t": "= t"}),
    wrong(
        "07.2",
        "the ring is broken",
        {"    t->previous->next = t->next;\n    t->next->previous = t->previous;\n": ""},
    ),
    wrong("07.2", "only move, do not switch", {"->previous = t;\n}": "->previous = t;\n    resume(r, t);\n}"}),
    wrong("07.3", "it still takes its turns", {"next = me->next;": "next = me->next;\n    resume(r, next);\n    return;"}),
    wrong("07.3", "comes straight back", {"    resume(r, next);\n": ""}),
    wrong(
        "07.3",
        "its stack had been given away",
        {"    resume(r, next);": "    me->next = r->available;\n    r->available = me;\n    resume(r, next);"},
    ),
    wrong("07.3", "it has to leave the ring", {"    me->previous->next = next;\n": ""}),
    wrong("07.3", "the ring is not whole, backwards too", {"    next->previous = me->previous;\n": ""}),
    wrong(
        "07.3",
        "it never ended",
        {
            "    struct thread *me = r->current, *next = me->next;\n": "    for (;;)\n        yield_thread(r);\n",
            "    me->previous->next = next;\n    next->previous = me->previous;\n    resume(r, next);\n": "",
        },
    ),
    wrong("08.1", "has to get over them", {"96, skip = 88, guard = 48": "48, skip = 40, guard = 32", "= 32;": "= 0;"}),
    wrong("08.1", "has to get over them", {"skipAdds = 32": "skipAdds = 24"}),
    wrong("08.1", "skip takes another word", {"skipAdds = 32": "skipAdds = 40"}),
    wrong("08.1", "skip belongs 8 bytes above", {"skip = 88": "skip = 80"}),
    wrong("08.1", "it reaches above the top", {"96, skip = 88, guard = 48": "80, skip = 72, guard = 32"}),
    wrong("08.1", "takes 8 bytes", {"96, skip = 88, guard = 48": "88, skip = 80, guard = 40"}),
    wrong("08.1", "a multiple of 16 too", {"96, skip = 88, guard = 48": "112, skip = 104, guard = 56", "= 32;": "= 40;"}),
    wrong("08.2", "floats too", {"    uint64_t fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7;\n": ""}),
    wrong("08.2", "a frame pointer is a callee-saved register", {"fp, s0": "s0"}),
    wrong("08.2", "one is forgotten", {"s7, s8;": "s7;"}),
    wrong("08.2", "ra waits on the stack", {"uint64_t sp;": "uint64_t sp, ra;"}),
    wrong("08.2", "tp belongs to the thread of the system", {"uint64_t sp;": "uint64_t sp, tp;"}),
    wrong("08.2", "put these away", {"fp, s0": "fp, t0, s0"}),
    wrong("08.2", "64 bits here", {"uint64_t fs0": "uint32_t fs0"}),
]
