"""What chapter 01 prints, and what its readers will try: expected/__init__.py says what each name means."""

import re
import sys

from expected import READY, Edit, loaded, measured, right, wrong

# ---------------------------------------------------------------- what stands under its cells

COST = r"[\d,]+\.\d ns, or [\d,]+ × a call\.$"

# What goes through the operating system: the recap says hundreds or thousands of calls.
DEAR = r"[\d,]+\.\d ns, or ([1-9]\d\d|[\d,]{5,}) × a call\.$"

TRACE = r"^[AB.]{72}  changed hands \d+ times$"

OUTPUTS = {
    "load": READY,
    "work-alone": r"\A([5-9]\d\d|\d{4,})\.\d ms passed, \d+\.\d ms of them at work\.\n\Z",
    "threads-ten": r"\A([5-9]\d|\d{3,})\.\d ms passed, with \d+ processors\.\n\Z",
    "native": loaded(r"01-why-green-threads\.c"),
    "preemptive-listing": r"^static void \*run_without_yielding",
    "preemptive-run": [
        rf"(?m)\A({TRACE}\n){{3}}",
        r"^(Both threads were kept on one processor|This system does not keep threads on a processor: .*)\.$",
    ],
    "cooperative-task": r"^struct task \{",
    "cooperative-resume": r"^static void resume\(struct task \*task",
    "cooperative-run": r"\A((?:AB){36}  72 turns\n)\1\1\Z",
    "experiment-patience-run": r"\A(AAAB){9}.*AAAB+  \d+ turns\n\Z",
    "greedy-edit": loaded("cell greedy"),
    "greedy-run": [loaded("cell greedy"), r"^It is the turn of A\.$", r"(?i)1 s\b|1 second|time"],
    "costs-call": rf"\Acall of a C function: {COST}",
    "costs-thread": rf"\AOS thread, made and ended, from C: {DEAR}",
    "costs-java": [
        rf"^platform thread, made and ended: {DEAR}",
        rf"^virtual thread, made and ended: {COST}",
    ],
    "costs-switch": [
        rf"\Aswitch of OS threads, from C: {DEAR}",
        r"^(The system made [12]\.\d\d switches for each pass|This system does not count a thread's switches)\.$",
    ],
    "costs-handover": [
        rf"^hand-over of platform threads: {DEAR}",
        rf"^hand-over of virtual threads: {COST}",
    ],
    # One processor has one carrier: none. With more, some or most, and never more than all.
    "costs-carrier": r"\A\d{1,2}\.\d % of the hand-overs changed the carrier\.\n\Z",
    "costs-table": [
        r"\AWhat threads cost on this machine",
        # Cheapest first: nothing is cheaper than a call.
        r"^what +ns +calls\ncall of a C function +[\d.]+ +1$",
        r"^hand-over of virtual threads +[\d,]+\.\d +[\d,]+$",
        r"^OS thread, made and ended, from C +[\d,]+\.\d +[\d,]+$",
    ],
    "memory-os": [
        r"^its own stack, touched +\d{1,2},\d{3}$",
        r"^the system's stack for it +(\d{1,2},\d{3}|not seen)$",
        r"^page tables +(\d{1,2},\d{3}|not seen)$",
        r"^Together \d{1,2},\d{3} bytes; a page has [\d,]+\.$",
    ],
    "memory-virtual": [
        r"^10,000 virtual threads waiting after \d+ ms\.$",
        r"^Each keeps about [\d,]+ bytes of the heap\.$",
    ],
    "experiment-crowd-run": [r"^ +500 waiting after .* µs each$", r"^ *10,000 waiting after .* µs each$"],
    "million": [r"\AA million conversations", r"^let them wait: memory kept +[\d.,]+ GB +[\d.,]+ GB$"],
    "ex2-struct": r"^struct talk \{",
}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

PROGRAM = [
    measured("A function call:# ns"),
    measured("A switch of threads:# ns"),
    # One, or little more where others want the core; the system need not say.
    re.compile(r"Switches for each pass: +([01]\.\d|-\d+\.0)"),
    measured("A thread made and ended:# ns"),
    measured("A sleeping thread keeps:# bytes, its stack"),
    *[
        re.compile(rf"A sleeping thread keeps: +(\d+|unknown) bytes, {what}")
        for what in ("the system's stack", "the system's records", "page tables")
    ],
    re.compile(r"Two threads on one processor: (yes|not on this system)"),
    re.compile(r"preemptive  [AB.]{60}  \d+ changes"),
    "cooperative " + "AB" * 30 + "  60 turns",
    "greedy      " + "A" * 30 + "B" * 30 + "  31 turns",
]

FACTS = [
    # Each pass is one switch, 100 hundredths of it, where the system counts them and nobody else wants the core.
    ("100 * (switches_per_pass(20000) < 0 ? 1 : switches_per_pass(20000))", 100, 135),
    ("-thread_memory(0, (int64_t *)memory)", 22, 22),
    ("thread_memory(200, (int64_t *)memory)", 0, 0),
    *[
        # The thread's own stack; the system's and the tables, which only Linux shows.
        (f"thread_memory(1000, (int64_t *)memory) + ((int64_t *)memory)[{kind}]", low, 65536)
        for kind, low in [(0, 4096), *[(kind, 4096 if sys.platform == "linux" else -1) for kind in (1, 3)]]
    ],
]

NOT_FOR_WINDOWS = "it is about what POSIX offers"

# ---------------------------------------------------------------- the changes that it suggests

EDITS = [
    Edit("greedy-edit", {"'A')": "'B')"}, r"time limit", fails=True),
    Edit("greedy-edit", {"'A')": "'?')"}, r"It is the turn of B"),
]

# ---------------------------------------------------------------- answers to its exercises

YIELD = "if (i == 3)\n            return;"

right("01.1", {YIELD: "if (i >= 3)\n            break;"})
right("01.1", {YIELD: "if (task->patience > 4)\n            task->patience = 4;"})
right("01.1", {"i < task->patience &&": "i < task->patience && i < 4 &&", YIELD: ""})
right("01.1", {"for (": "int most = task->left - 4;\n    for (", YIELD: "if (task->left == most)\n            return;"})

wrong("01.1", "nothing ends the turn", {YIELD: ""})
wrong("01.1", "after its first letter", {YIELD: "return;"})
wrong("01.1", "more than four letters", {"i == 3": "i == 4"})
wrong("01.1", "four letters are allowed", {"i == 3": "i == 2"})
wrong("01.1", "shorter than the others", {"i == 3": "task->left % 4 == 0"})
wrong("01.1", "gives way earlier must still be let do so", {YIELD: "task->patience = 4;"})
wrong("01.1", "not of all turns or of both tasks", {"for (": "static int n;\n    for (", "i == 3": "++n % 4 == 0"})
wrong("01.1", "not of all turns or of both tasks", {"i == 3": "trace->used % 4 == 0"})
wrong("01.1", "letters are missing", {YIELD: "if (i == 3)\n            task->left = 0;"})
wrong("01.1", "did not come to its end", {YIELD: "while (i == 3) {\n        }"})
wrong("01.1", "A wrote five letters", {"i == 3": "i == 3 && task->patience > 9"})

right("01.2", {"me->i++ < me->n": "me->n-- > 0"})
right("01.2", source="""%%c talks --from 01-why-green-threads
static char turn(struct talk *me) {
    int now = me->place++;

    if (now > me->n + 1)
        return 0;
    return now == 0 ? 'H' : now <= me->n ? 'T' : 'B';
}

int both(char *trace, int size, int n, int m) {
    return two_talks(turn, trace, size, n, m);
}""")
right("01.2", source="""%%c talks --from 01-why-green-threads
static char turn(struct talk *me) {
    if (me->place == 2)
        return 0;
    if (me->place == 0) {
        me->place = 1;
        return 'H';
    }
    while (me->i < me->n) {
        me->i += 1;
        return 'T';
    }
    me->place = 2;
    return 'B';
}

int both(char *trace, int size, int n, int m) {
    return two_talks(turn, trace, size, n, m);
}""")

wrong("01.2", "nobody said anything", {"return 'H'": "return 0"})
wrong("01.2", "nothing notes that H was said", {"me->place = 1;": ""})
wrong(
    "01.2",
    "one place for both",
    {"switch (me->place)": "static int place, i;\n    switch (place)", "me->place =": "place =", "me->i": "i"},
)
wrong("01.2", "one count for both", {"switch (": "static int i;\n    switch (", "me->i": "i"})
wrong("01.2", "the count is lost", {"switch (": "int i = 0;\n    switch (", "me->i": "i"})
wrong("01.2", "one T too many", {"me->i++ < me->n": "me->i++ <= me->n"})
wrong("01.2", "one T too few", {"me->i++ < me->n": "++me->i < me->n"})
wrong("01.2", "after B comes one more place", {"me->place = 2;": ""})
wrong("01.2", "each has its own n", {"< me->n": "< 2"})
wrong("01.2", "look before you talk", {"me->i++ < me->n": "me->i++ < (me->n > 0 ? me->n : 1)"})
wrong("01.2", "between H and B come n times T", {"me->i++ < me->n": "me->i++ > me->n"})
wrong("01.2", "nobody said good-bye", {"return 'B'": "return 0"})
wrong("01.2", "a way through turn that does not return", {"return 'H'": "for (;;)\n            ;"})
