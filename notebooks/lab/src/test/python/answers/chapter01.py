"""Answers to the exercises of chapter 01, and what the check must say to each."""

from answers import right, wrong

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
