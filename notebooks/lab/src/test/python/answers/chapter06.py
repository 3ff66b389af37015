"""Answers to the exercises of chapter 06, and what the check must say to each."""

from answers import right, wrong

# ---------------------------------------------------------------- 06.1: lay out a new stack

ROUNDED = "    top = (uint64_t *)((uintptr_t)top & ~(uintptr_t)15);\n"
GUARD = "    top[-2] = (uintptr_t)s->guard;\n"
SKIP = "    top[-3] = (uintptr_t)skip;\n"
FUNCTION = "    top[-4] = (uintptr_t)s->function;\n"
LOWEST = "    top -= 4;\n"

right(
    "06.1",
    {
        ROUNDED: "    while ((uintptr_t)top % 16 != 0)\n        top = (uint64_t *)((char *)top - 1);\n    top--;\n",
        GUARD: "    *--top = (uintptr_t)s->guard;\n",
        SKIP: "    *--top = (uintptr_t)skip;\n",
        FUNCTION: "    *--top = (uintptr_t)s->function;\n",
        LOWEST: "",
    },
)
right(
    "06.1",
    {
        ROUNDED: "    top = (uint64_t *)((uintptr_t)top / 16 * 16 - 64);\n",
        GUARD: "    top[2] = (uint64_t)s->guard;\n",
        SKIP: "    top[1] = (uint64_t)skip;\n",
        FUNCTION: "    top[0] = (uint64_t)s->function;\n",
        LOWEST: "",
    },
)
# On AArch64 neighbours are both right.
wrong("06.1", "two neighbours|found no address", {GUARD: "    top[-3] = (uintptr_t)s->guard;\n", SKIP: ""})
wrong(
    "06.1",
    "off by one word|found no address",
    {"top[-2]": "top[-1]", "top[-3]": "top[-2]", "top[-4]": "top[-3]", LOWEST: "    top -= 3;\n"},
)
wrong("06.1", "two of the words exchanged", {"s->guard": "s->function", "s->function": "s->guard"})
wrong("06.1", "found no address", {SKIP: ""})
wrong("06.1", "found no address", {GUARD: ""})
wrong("06.1", "found no address", {LOWEST: ""})
wrong("06.1", "counted from its end", {ROUNDED: ""})
wrong("06.1", "was the top rounded up", {"(uintptr_t)top &": "((uintptr_t)top + 15) &"})
wrong("06.1", "address of the top that counts", {ROUNDED: "    top = (uint64_t *)(s->stack + (s->size & ~(size_t)15));\n"})

# ---------------------------------------------------------------- 06.2: who finished first?

NOTED = "    finished[how_many++] = r->current;\n"
GIVEN = NOTED + "    t_yield(r);\n"

right("06.2", {NOTED: "    finished[how_many] = r->threads[r->current].id;\n    how_many += 1;\n"})
right("06.2", {NOTED: "    int32_t *next = finished;\n    while (*next != 0)\n        next++;\n    *next = r->current;\n"})
right("06.2", {GIVEN: "    *finished++ = in_use->current;\n    yield_thread();\n"})
wrong("06.2", "behind the switch does not run", {GIVEN: "    t_yield(r);\n" + NOTED})
wrong("06.2", "order of the places", {"finished[how_many++]": "finished[r->current - 1]"})
wrong("06.2", "written to one index", {"finished[how_many++]": "finished[0]"})
wrong("06.2", "written to one index", {"how_many++": "how_many"})
wrong("06.2", "one index too far", {"how_many++": "++how_many"})
wrong("06.2", "came back to guard", {GIVEN: NOTED})
wrong("06.2", "nothing was written", {NOTED: ""})
wrong("06.2", "order of the places", {NOTED: "    finished[how_many] = how_many + 1;\n    how_many++;\n"})
wrong("06.2", "not the numbers of those that finished", {"= r->current;": "= r->count - r->current;"})
wrong("06.2", "from the threads, not from the program", {NOTED: "    finished[how_many] = \"\\2\\3\\1\"[how_many % 3];\n    how_many++;\n"})

# ---------------------------------------------------------------- 06.3: priority without starving

RANK = "        int rank = priority[i] + waited[i]++;\n"
RESET = "    waited[best] = 0;\n"
BETTER = """        if (rank > highest) {
            highest = rank;
            best = i;
        }
"""

right("06.3", {BETTER: BETTER.replace("rank > highest", "rank >= highest")})
right("06.3", {RANK: "        waited[i] += 1;\n        int rank = waited[i] + priority[i];\n"})
right(
    "06.3",
    {
        RANK: "        int rank = priority[i] + waited[i];\n",
        RESET: "    for (int i = 0; i < r->count; i++)\n"
        "        waited[i] = i == best ? 0 : waited[i] + (r->threads[i].state == READY);\n",
    },
)
wrong("06.3", "a thread starves", {RANK: "        int rank = priority[i];\n"})
wrong("06.3", "have about as many", {RESET: ""})
wrong("06.3", "have about as many", {"priority[i] + waited[i]++": "waited[i]++"})
wrong("06.3", "base thread starves", {BETTER: BETTER.replace("best = i;", "best = i;\n            waited[i] = 0;"), RESET: ""})
wrong("06.3", "base thread starves", {"waited[i]++": "(i > 0 ? waited[i]++ : 0)"})
wrong("06.3", "base thread starves", {"waited[i]++": "(i == 3 ? waited[i]++ : 0)"})
wrong("06.3", "raises a rank by one", {"waited[i]++": "2 * waited[i]++"})
wrong("06.3", "raises a rank by one", {"waited[i]++": "waited[i]++ / 2"})
wrong("06.3", "raises a rank by one", {RESET: "    waited[best] /= 2;\n"})
wrong("06.3", "upside down", {"priority[i] +": "9 - priority[i] +"})
wrong("06.3", "none of these was chosen", {"priority[i] + waited[i]++": "-1 - priority[i]"})
wrong("06.3", "which is not READY", {"        if (r->threads[i].state != READY)\n            continue;\n": ""})
wrong("06.3", "does not come to an end|not READY", {"i < r->count; i++": "i < r->count; i += 0"})
wrong("06.3", "choice must follow from `priority`", {"priority[i] +": '"\\0\\10\\5\\2"[i] +'})

# ---------------------------------------------------------------- 06.4: whose reason is it?

SAVED = "        int reason = errno;\n"
YIELDED = "        yield_thread();\n"
REPORTED = "        report(id, reason);\n"
ANSWER = SAVED + YIELDED + REPORTED

right("06.4", {SAVED: "        const int32_t mine[] = {errno};\n", REPORTED: "        report(id, mine[0]);\n"})
right("06.4", {ANSWER: SAVED + YIELDED + "        errno = reason;\n        report(id, errno);\n"})
right("06.4", {ANSWER: SAVED + "        t_yield(in_use);\n" + YIELDED + REPORTED})
wrong("06.4", "keep yours where no other thread writes", {ANSWER: YIELDED + "        report(id, errno);\n"})
wrong("06.4", "keep yours where no other thread writes", {ANSWER: YIELDED + SAVED + REPORTED})
wrong("06.4", "keep yours where no other thread writes", {ANSWER: "        static int reason;\n        reason = errno;\n" + YIELDED + REPORTED})
wrong("06.4", "nobody else ran", {YIELDED: ""})
wrong("06.4", "nobody else ran", {ANSWER: SAVED + REPORTED + YIELDED})
wrong("06.4", "nothing was reported", {REPORTED: "        (void)reason;\n"})
wrong("06.4", "not the reason", {SAVED: "        int reason = -1;\n"})
wrong("06.4", "ask errno", {SAVED: "        int reason = 100 + id;\n"})
wrong("06.4", "yields again and again", {YIELDED: "        while (errno != 0)\n            yield_thread();\n"})
wrong("06.4", "not every thread", {YIELDED: "        if (id != 2)\n            yield_thread();\n"})
wrong("06.4", "nothing was reported", {"report(id, reason)": "report(0, reason)"})
