"""What chapter 00 prints, and what its readers will try: expected/__init__.py says what each name means."""

import re

from expected import READY, loaded, right, wrong

# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
    "load": READY,
    "machine": [
        r"^operating system +\S",
        r"^architecture +(x86-64|AArch64)$",
        r"^processors +[1-9]\d*$",
        r"^Java +(2[5-9]|[3-9]\d)",
        r"^C compiler +(gcc|clang|Apple clang) [\d.]+$",
    ],
    "raw-lookup": r"\AMemorySegment\{.*byteSize: 0 \}\n\Z",
    "raw-descriptor": r"\AMethodHandle\(\)int\n\Z",
    "raw-call": r"\AC says (\d+), Java says \1\.\n\Z",
    "raw-exact": r"handle's method type \(\)int but found \(\)Object",
    "raw-void-error": r"handle's method type \(int\)void but found \(int\)Object",
    "raw-void-block": r"\A\[(\d+), \1\]\n\Z",
    "raw-strlen": r"\AMethodHandle\(MemorySegment\)long\n\Z",
    "raw-arena": r"\Alength\(\): +4\nstrlen: +5\nbyteSize\(\): +6\n\Z",
    "first-source-hello": [r"^native/00-start-here\.c", r"^void hello\(void\)", r'printf\("Hello from C'],
    "first-source-mean": [r"^native/00-start-here\.c", r"^double mean\(const int \*values, int count\)"],
    "first-load": loaded(r"00-start-here\.c"),
    "first-again": r"\A00-start-here\.c: unchanged, loaded from the cache in [\d.]+ ms\.\n\Z",
    "first-bind": r"\A42\n\Z",
    "first-print": r"\AHello from C\.\nHello from Java\.\nHello from C\.\n\Z",
    "first-mean": r"\A3\.8333333333333335\n\Z",
    "wrong-type": [
        r"^The two sides of `add` disagree\.$",
        r"^ +Java: long add\(long, long\) .*interface TooWide",
        r"^ +C: +int add\(int a, int b\) .*00-start-here\.c:\d+",
    ],
    "wrong-name": [r"has no function `ad`", r"^ +C: .*\badd\b", r"^Did you mean `add`\?$"],
    "edit-greeting": loaded("cell greeting"),
    "edit-both": [loaded("cell greeting"), r"\nHello from a cell\.\nHello from C\.\n\Z"],
    "edit-broken": [r"^cell broken does not compile", r"^broken\.c:3:\d+: error: expected .;."],
    "crash": [r"SIGSEGV", r"0x0\b"],
    "crash-alive": r"\A42\n\Z",
    "experiment-strlen": r"\Alength\(\) 5, strlen 5\n\Z",
    "experiment-count": r"\A3\.8333333333333335\n\Z",
}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

PROGRAM = [
    "Hello from C.",
    "add(40, 2) is 42.",
    "The mean of 3 1 4 1 5 9 is 3.833.",
    re.compile(r"Compiled by (gcc|clang|Apple clang) \d+\.\d+\.\d+\."),
]

FACTS = [
    ("add(40, 2)", 42, 42),
]

# ---------------------------------------------------------------- the changes that it suggests

FAILS = {("experiment-count", "1_000_000"): r"past the end of argument 1's memory"}

NO_CHANGE = {"how": "how chapters are read"}

# ---------------------------------------------------------------- answers to its exercises


def layouts(text):
    return f"List<MemoryLayout> meanLayouts = List.of({text});"


RESULT, ADDRESS, COUNT = "ValueLayout.JAVA_DOUBLE", "ValueLayout.ADDRESS", "ValueLayout.JAVA_INT"

right("00.1", source=layouts(f'{RESULT}.withName("mean"), {ADDRESS}.withTargetLayout({COUNT}), {COUNT}'))
right(
    "00.1",
    source="List<MemoryLayout> meanLayouts = new ArrayList<>();\n"
    + "".join(f"meanLayouts.add({one});\n" for one in (RESULT, ADDRESS, COUNT)),
)
right(
    "00.1",
    source=layouts(f'Linker.nativeLinker().canonicalLayouts().get("double"), {ADDRESS}, {COUNT}.withName("count")'),
)

wrong("00.1", "no layouts yet", source=layouts(""))
wrong("00.1", "one layout for each argument is missing", source=layouts(RESULT))
wrong("00.1", "the layout of the result is missing", source=layouts(f"{ADDRESS}, {COUNT}"))
wrong("00.1", "C declares a result and two arguments", source=layouts(f"{RESULT}, {ADDRESS}"))
wrong("00.1", "too many", source=layouts(f"{RESULT}, {ADDRESS}, {COUNT}, {COUNT}"))
wrong("00.1", "the result comes first", source=layouts(f"{ADDRESS}, {COUNT}, {RESULT}"))
wrong("00.1", "in the wrong order", source=layouts(f"{RESULT}, {COUNT}, {ADDRESS}"))
wrong("00.1", "C's double is Java's double", source=layouts(f"ValueLayout.JAVA_FLOAT, {ADDRESS}, {COUNT}"))
wrong("00.1", "mean returns a double", source=layouts(f"{COUNT}, {ADDRESS}, {COUNT}"))
wrong("00.1", "a pointer is an ADDRESS", source=layouts(f"{RESULT}, ValueLayout.JAVA_LONG, {COUNT}"))
wrong("00.1", "C's int has 32 bits", source=layouts(f"{RESULT}, {ADDRESS}, ValueLayout.JAVA_LONG"))
wrong("00.1", "count is an int", source=layouts(f"{RESULT}, {ADDRESS}, ValueLayout.JAVA_SHORT"))


def largest(body):
    return "%%c answers\nint largest(const int *values, int count) {\n" + body + "\n}"


right("00.2", source=largest("""
    int best = INT_MIN;
    while (count-- > 0)
        best = values[count] > best ? values[count] : best;
    return best;""").replace("%%c answers\n", "%%c answers\n#include <limits.h>\n"))
right("00.2", source=largest("""
    const int *best = values;
    for (const int *each = values; each < values + count; each++)
        if (*each >= *best)
            best = each;
    return *best;"""))
right("00.2", source=largest("""
    if (count == 1)
        return values[0];
    int rest = largest(values + 1, count - 1);
    return values[0] > rest ? values[0] : rest;"""))

LOOP = "for (int i = 1; i < count; i++)\n        if (values[i] > best)\n            best = values[i];"
wrong("00.2", "only the first value counted", {LOOP: ""})
wrong("00.2", "last value was left out", {"i < count": "i < count - 1"})
wrong("00.2", "behind the last one was read", {"i < count": "i <= count"})
wrong("00.2", "this is the smallest", {"values[i] > best": "values[i] < best"})
wrong("00.2", "begin with one of the values", {"best = count > 0 ? values[0] : 0": "best = 0", "i = 1": "i = 0"})
wrong("00.2", "not with a number of your own", {"best = count > 0 ? values[0] : 0": "best = -1000", "i = 1": "i = 0"})
wrong("00.2", "compared with the one before", {"values[i] > best": "values[i] > values[i - 1]"})
wrong("00.2", "stopped at the first value", {"best = values[i];": "return values[i];"})
wrong("00.2", "this is the index", {
    "values[i] > best": "values[i] > values[best]",
    "best = count > 0 ? values[0] : 0": "best = 0",
    "best = values[i]": "best = i",
})
wrong("00.2", "this is the sum", {"if (values[i] > best)": "", "best = values[i]": "best += values[i]"})
wrong("00.2", "does not end where the values end", {"i < count": "i >= 0"})
wrong("00.2", "only the first value counted", {"best = values[i];": "best = best;"})
