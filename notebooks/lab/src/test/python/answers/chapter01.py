"""Answers to the exercises of chapter 01, and what the check must say to each."""

from answers import before, right, wrong

before("01", 'Map<String, Double> costs = new LinkedHashMap<>();')

wrong("01.1", "nanoseconds of switching, not seconds", {" / 1e9": ""})
wrong(
    "01.1",
    "upside down",
    {"switchesPerSecond * nsPerSwitch / 1e9": "1e9 / (switchesPerSecond * nsPerSwitch)"},
)
wrong("01.1", "a second has 1e9 nanoseconds", {"1e9": "1e6"})
wrong("01.1", "do not stop at 1", {"return switches": "return Math.min(1, switches", "1e9;": "1e9);"})
wrong("01.2", "nobody said anything", {"return 'H'": "return 0"})
wrong("01.2", "nothing notes that H was said", {"me->place = 1;": ""})
wrong(
    "01.2",
    "one state for both",
    {"switch (me->place)": "static int place, i;\n    switch (place)", "me->place =": "place =", "me->i": "i"},
)
wrong("01.2", "the count is lost", {"switch (": "int i = 0;\n    switch (", "me->i": "i"})
wrong("01.2", "one T too many", {"me->i++ < me->n": "me->i++ <= me->n"})
wrong("01.2", "one T too few", {"me->i++ < me->n": "++me->i < me->n"})
wrong("01.2", "after B comes one more place", {"me->place = 2;": ""})
wrong("01.2", "each has its own n", {"< me->n": "< 2"})
wrong("01.2", "look before you talk", {"me->i++ < me->n": "me->i++ < (me->n > 0 ? me->n : 1)"})
