"""Answers to the exercises of chapter 04, and what the check must say to each."""

from answers import before, right, wrong

before(
    "04",
    """
    interface Pages { long page_size(); }
    interface Guards { long overflow(long size, long frames, int guard); }
    long SIZE = 64 * 1024;
    int MPROTECT = 1;
    Pages pages = Lab.load("04-the-stack", Pages.class);
    Guards guards = Lab.isolate(Lab.load("04-the-stack", Guards.class));
    long frame = (guards.overflow(SIZE, 200, MPROTECT) - guards.overflow(SIZE, 100, MPROTECT)) / 100;
    """,
)

ANSWER = "        if (value != paint) {\n            used = below;\n        }\n"

right("04.1", {ANSWER: "        used = value == paint ? used : below;\n"})
right("04.1", {"used = below": "used = Math.max(used, below)"})
right("04.1", {ANSWER: "        if (value == paint) {\n            continue;\n        }\n        used = below;\n"})
wrong("04.1", "the comparison is the wrong way round", {"value != paint": "value == paint"})
wrong("04.1", "the hole counts too", {"used = below": "used++"})
wrong("04.1", "paint in a frame is no end", {ANSWER: "        if (value == paint) {\n            break;\n        }\n        used = below;\n"})
wrong("04.1", "paint in a frame is no end", {ANSWER: "        if (value != paint) {\n            return below;\n        }\n"})
wrong("04.1", "one too few", {"used = below": "used = below - 1"})
wrong("04.1", "one too many", {"used = below": "used = below + 1"})
wrong("04.1", "painted with 5a", {"value != paint": "value != (byte) 0xa5"})
wrong("04.1", "and paint was not used", {"value != paint": "value != 0"})
wrong("04.1", "from the other end", {"used = below": "used = stack.byteSize() - below"})
wrong("04.1", "the answer says none", {"used = below": "byte last = value"})
wrong("04.1", "two bytes were written, and the answer says none", {ANSWER: "        used = value != paint && below != 40 ? below : 0;\n"})

NEEDED, SIZED = "long needed = used + (calls - 100) * frame;", "size = (needed + page - 1) / page * page;"

right("04.2", {SIZED: "size = Math.ceilDiv(needed, page) * page;"})
right("04.2", {NEEDED: "long needed = used - 100 * frame + calls * frame;", SIZED: "size = (needed + page - 1) & -page;"})
right("04.2", {NEEDED: "long needed = used + (calls - 100) * frame;", SIZED: "while (size < needed) {\n        size += page;\n    }"})
right("04.2", {NEEDED: "long needed = guards.overflow(64 << 20, calls, MPROTECT);"})
wrong("04.2", "round up", {SIZED: "size = needed;"})
wrong("04.2", "rounded down", {SIZED: "size = needed / page * page;"})
wrong("04.2", "without what lies above the frames|what lies above them on the stack was left out", {NEEDED: "long needed = calls * frame;"})
wrong("04.2", "not all that is on the stack, and it is not rounded up", {NEEDED: "", SIZED: "size = calls * frame;"})
wrong("04.2", "nothing is reckoned yet", {SIZED: ""})
wrong("04.2", "is there once, and not for each call", {NEEDED: "long needed = used * calls / 100;"})
wrong("04.2", "a page more than it takes|a page less would have done", {SIZED: "size = (needed + 2 * page - 1) / page * page;"})
wrong("04.2", "too large", {NEEDED: "long needed = 2 * (used + (calls - 100) * frame);"})
wrong("04.2", "too small", {NEEDED: "long needed = used;"})
wrong("04.2", "no multiple of a page", {SIZED: "size = needed + page - 1;"})
wrong("04.2", "something is counted twice", {NEEDED: "long needed = used + calls * frame;"})

MOVE = "copy.set(ValueLayout.JAVA_LONG, at, newLow + (word - oldLow));"

right("04.3", {"newLow + (word - oldLow)": "word + (newLow - oldLow)"})
right("04.3", {"if (word >= oldLow && word < oldLow + size)": "if (Long.compareUnsigned(word - oldLow, size) < 0)"})
right(
    "04.3",
    {
        "if (word >= oldLow && word < oldLow + size)": "long distance = word - oldLow;\n        if (0 <= distance && distance <= size - 1)",
        "newLow + (word - oldLow)": "newLow + distance",
    },
)
wrong("04.3", "it was not changed", {MOVE: "word += newLow - oldLow;"})
wrong("04.3", "as far from newLow as it was from oldLow", {"newLow + (word - oldLow)": "newLow"})
wrong("04.3", "as far from newLow as it was from oldLow", {"newLow + (word - oldLow)": "word + oldLow - newLow"})
wrong("04.3", "where does yours begin", {"word >= oldLow": "word > oldLow"})
wrong("04.3", "where does yours end", {"word < oldLow + size": "word < oldLow + size - 8"})
wrong("04.3", "behind the highest byte the stack is over", {"word < oldLow + size": "word <= oldLow + size"})
wrong("04.3", "it is below the old stack", {"word >= oldLow && ": ""})
wrong("04.3", "only the first one was changed", {MOVE: MOVE + "\n            return;"})
wrong("04.3", "the lowest word of the copy", {"word >= oldLow &&": "at > 0 && word >= oldLow &&"})
wrong("04.3", "the highest word of the copy", {"word >= oldLow &&": "at + 8 < size && word >= oldLow &&"})
wrong("04.3", "written over|it was not changed", {"JAVA_LONG, at, newLow": "JAVA_LONG, 0, newLow"})
