"""What chapter 04 prints, and what its readers will try: expected/__init__.py says what each name means."""

import re

from expected import AARCH64, READY, RISCV64, X86_64, Edit, Walk, loaded, measured, right, wrong

# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
    "stack-start": READY,
    "left-load": loaded(r"04-the-stack\.c"),
    "left-wake": r"\A\[nothing, hello, format_integer, format_float, recognizable, recurse\]\n?\Z",
    "left-run": [
        r"^I LOVE WAKING UP ON A NEW STACK!$",
        r"^A stack of 65,536 bytes, high addresses on top, before and after: [1-9]\d+ words changed\.",
        r"^top − 8 +(a5){8} +(a5){8} +paint, untouched$",
        r"^top − 16 = +(a5){8} +\* [0-9a-f]{16} ",
        r"^top − \d+ .* in \w+ \+ \d+$",
        r"^--- high-water mark: [\d,]{3,} bytes used ---$",
    ],
    "bytes-run": r"\A(mem: 0x[0-9a-f]+, val: 165\n){8}(mem: 0x[0-9a-f]+, val: \d+\n){24}\Z",
    "endian-run": r"\Aaddress \+ 0  88\naddress \+ 1  77\n(.*\n){5}address \+ 7  11\n"
    r"LITTLE_ENDIAN  1122334455667788\nBIG_ENDIAN     8877665544332211\n\Z",
    "drawn-run": [
        r"high-water mark: 32 bytes used",
        r"^top − 16 = +[0-9a-f]{16} ",
        r"^top − 24 +[0-9a-f]{16} .* start of way_home$",
        r"^top − 32 = +[0-9a-f]{16} .* start of nothing$",
    ],
    "align-run": r"\A0x[0-9a-f]+0\n0x[0-9a-f]+0\n\Z",
    "align-table": [
        r"^ +1230 +0000 +1230 +1230$",
        r"^ +1237 +0111 +1230 +1240$",
        r"^ +1238 +1000 +1230 +1240$",
        r"^ +123f +1111 +1230 +1240$",
    ],
    "dump-run": [r"^above the top +0$", r"^below the top +[1-9]\d{1,3}$"],
    "used-source": r"^LOOKS_AT_STACKS uint64_t bytes_used\(",
    "used-run": [
        r"^I LOVE WAKING UP ON A NEW STACK!$",
        r"^nothing +32(\.0)? bytes +#+$",
        r"^hello +[\d,]{3,} bytes +#+$",
        # The prose: more than 64 words.
        r"^format_integer +(\d,\d{3}|6\d\d|7\d\d|8\d\d|9\d\d) bytes +#+$",
        r"^recognizable +5\d\d bytes +#+$",
        # What fits into 48 bytes: 40 of gcc, 32 of clang, whose deepest call needs no more than `nothing`.
        r"^recurse +(3[2-9]|4[0-8])(\.0)? bytes +#+$",
    ],
    "used-hello": r"^ +(jmp|b|bl|call) +_?puts",
    "size-others": [
        r"^a program's main thread, at most +(\d+|unlimited)$",
        r"^a Java thread of this kernel +\d+$",
        r"^a thread of the book +2048$",
        r"^ours, so far +64$",
    ],
    "size-run": [r"; a page has [\d,]+$", r"^1,073,741,824 +0 +\d{1,2},\d{3}$"],
    "size-promise": r"\Avm\.overcommit_memory is (\d|for Linux)\.\n\Z",
    "size-paint": r"\APainted: 2,097,152 of 2,097,152 bytes are resident\.\n\Z",
    "frames-source": r"^__attribute__\(\(noinline\)\) static long innermost\(long value\)",
    "frames-run": [
        r"^top − \d+ .* outermost's link: ",
        r"^top − \d+ .* middle's return: in outermost\S* \+ \d+$",
        r"^top − \d+ .* innermost's return: in middle\S* \+ \d+$",
        r"^top − \d+ .* innermost's link: this stack, top − \d+$",
        *[rf"^top − \d+ .* {name}'s variable: the number {value}$"
          for name, value in [("outermost", 40), ("middle", 41), ("innermost", 42)]],
    ],
    "frames-kept": r"\Aformat_integer has a frame pointer: (true|false)\n\Z",
    "zone-source": loaded("cell leaf"),
    "zone-run": [loaded("cell leaf"), r"^top − \d+ .* 1111111111111107 ", r"^top − \d+ .* r?sp > "],
    "zone-signal": r"\AThe red zone has (128 bytes\.\nThe array begins at sp - \d+|0 bytes\.\nThe array begins at sp \+ \d+)"
    r"\.\nThe signal wrote from sp - \d+ on downwards\.\nThe array is right: true\n\Z",
    "guard-load": r"\AA call takes \d+ bytes, so some \d{3,4} fit\.\n\Z",
    "guard-none": r"\AIt returned\. (65,[6-9]|6[6-9],\d)\d{2} bytes were needed, and 65,\d{3} of the stack's 65,536 were used\.\n\Z",
    "guard-source": r"^static int guard_memory\(",
    "guard-run": [
        r"^The best way here: (mprotect|MADV_GUARD_INSTALL)$",
        r"`overflow` crashed with SIG(SEGV|BUS)",
        r"^Likely cause: +Stack overflow",
        r"^Address: .*: [1-9]\d? bytes below the stack of chapter 04, in its guard page$",
        r"^Where: +deeper",
    ],
    "guard-price": [
        r"\Avm\.max_map_count is (\d{4,}|for Linux)\.$",
        r"^mprotect +64 +(0|not shown) +(1\.999|2\.0|not shown)$",
        r"^mprotect +2048 +(0|not shown) +(1\.999|2\.0|not shown)$",
        r"(?s)^mprotect +2048 [^\n]+\n+(marked +64 +1\d\d +0\.0\nmarked +2048 +4[01]\d\d +0\.0\n+)?\Z",
    ],
    "guard-java": r"\AStackOverflowError after \d{3,} calls\n\Z",
    "move-source": r"^LOOKS_AT_STACKS static void hold_a_pointer\(void\)",
    "move-run": [
        r"The stack\. .*\n(.*\n)+?top .* the pointer: this stack, top − \d+$",
        r"^top .* the variable: the number 43$",
        r"^top .* the variable: the number 42$",
    ],
    "move-where": r"\AThe stack's pointer points to the variable in the stack\.\n"
    r"The copy's pointer points to  the variable in the stack\.\n\Z",
    "experiment-own": loaded("cell mine"),
    "experiment-own-run": [loaded("cell mine"), r"^It used [\d,]{3,} of 65,536 bytes\.$"],
    "experiment-top": r"\AThe top is 11 bytes below the end, and its last digit is 0\.\n\Z",
    "experiment-handler": loaded("cell handled"),
    "experiment-handler-run": [
        loaded("cell handled"),
        r"^`overflow_handled` crashed with SIG(SEGV|BUS): it touched memory that it may not touch\.$",
    ],
}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions


def the_stack(way_home="at the top, afterwards: way home there, old sp there"):
    """What chapter 04 prints."""
    return [
        "0x1122334455667788 in memory: 88 77 66 55 44 33 22 11",
        "0x1237 aligned to 16: down 0x1230, up 0x1240",
        "nothing         uses 32 bytes",
        "I LOVE WAKING UP ON A NEW STACK!",
        measured("hello           uses # bytes"),
        measured("format_integer  uses # bytes"),
        measured("format_float    uses # bytes"),
        measured("recognizable    uses # bytes"),
        measured("recurse         uses # bytes"),
        measured("a frame of the recursion: # bytes"),
        way_home,
        "frames linked by their frame pointers: 3",
        "the innermost is the lowest: yes",
        re.compile(r"red zone: (128|0) bytes; a leaf's variables begin \d+ bytes (above|below) sp"),
        measured("the signal's frame begins # bytes below sp; the variables survived: yes"),
        measured("1 GiB reserved: 0 bytes in memory, after one byte was written # pages"),
        "1000 frames on a stack of 256 KiB with a guard page: fit",
        "the copied pointer points to the old stack's variable",
        "pointers into the copy: 0",
    ]


PROGRAM = {
    X86_64: the_stack(),
    AARCH64: the_stack(),
    # Here a function's frame begins on the word that led to it, and at -O0 even an empty one has a frame.
    RISCV64: the_stack(re.compile("at the top, afterwards: way home (there|gone), old sp there")),
}

FACTS = [
    ("run_on(NULL, 65536, 0, NULL)", -1, -1),
    ("run_on(malloc(1024), 1024, 0, NULL)", -2, -2),
    ("run_on(malloc(65536), 65536, 6, NULL)", -4, -4),
    # The book's 48 bytes are far too few for a printf; hello and format_integer fit the smallest.
    ("stack_used_by(2)", 49, 16 * 1024),
    ("byte_of_word(0x0102030405060708, 0)", 8, 8),
    ("best_guard()", 1, 2),
    # The prose: a page that mprotect made a guard page costs two mappings, a marked one page tables: a whole
    # one where the stacks are 2 MiB apart. A thousand of each, where the system has that way and shows it.
    *[
        (
            f"best_guard() < {way} || price_guards(1000, {apart}, {way}, (void *)memory) == NOT_SHOWN"
            f" ? {low} : ((struct guard_bill *)memory)->{field}",
            low,
            high,
        )
        for way, apart, field, low, high in [
            ("GUARD_MPROTECT", "64 << 10", "mappings", 1998, 2002),
            ("GUARD_MPROTECT", "2 << 20", "page_tables", 0, 64 << 10),
            ("GUARD_INSTALL", "2 << 20", "mappings", 0, 2),
            ("GUARD_INSTALL", "64 << 10", "page_tables", 100_000, 200_000),
            ("GUARD_INSTALL", "2 << 20", "page_tables", 4_000_000, 4_300_000),
        ]
    ],
]

WALK = Walk(["swap", "way_home"], {"main"})

NOT_FOR_WINDOWS = "it forges the book's stack: x86_64-windows/machine.h says why"
# It counts the words of a frame.
WITHOUT_THREAD_SANITIZER = {"gcc": "it adds a word of its own to a frame"}

# ---------------------------------------------------------------- the changes that it suggests

EDITS = [
    Edit("experiment-own", {"line[128]": "line[4096]"}, r"It used [4-9],\d\d\d of"),
    Edit("experiment-own", {"line[128]": "line[1 << 20]"}, r"very likely a stack overflow|crashed with SIG", fails=True),
]

SAYS = {("experiment-top", "60_000"): r"The top is|Refused"}
FAILS = {("experiment-handler-run", "1"): r"status 42"}

NO_CHANGE = {"dump-about": "the cell below does"}

# ---------------------------------------------------------------- answers to its exercises

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
