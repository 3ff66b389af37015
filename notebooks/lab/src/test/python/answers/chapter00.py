"""Answers to the exercises of chapter 00, and what the check must say to each."""

from answers import right, wrong


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
