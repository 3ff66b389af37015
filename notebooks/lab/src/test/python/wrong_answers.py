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
]
