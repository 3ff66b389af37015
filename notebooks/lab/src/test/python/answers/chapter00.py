"""Answers to the exercises of chapter 00, and what the check must say to each."""

from answers import right, wrong

DESCRIPTOR = """FunctionDescriptor.of(
        ValueLayout.JAVA_DOUBLE, ValueLayout.ADDRESS, ValueLayout.JAVA_INT)"""


def shape(text):
    return {DESCRIPTOR: text}


wrong(
    "00.1",
    "ofVoid says that nothing",
    shape("FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_INT)"),
)
wrong("00.1", "arguments are missing", shape("FunctionDescriptor.of(ValueLayout.JAVA_DOUBLE)"))
wrong("00.1", "order is C's", {"ADDRESS, ValueLayout.JAVA_INT": "JAVA_INT, ValueLayout.ADDRESS"})
wrong("00.1", "a pointer is an ADDRESS", {"ValueLayout.ADDRESS": "ValueLayout.JAVA_LONG"})
wrong("00.1", "count is missing", {", ValueLayout.JAVA_INT": ""})
wrong("00.1", "a mean is a double", {"JAVA_DOUBLE": "JAVA_FLOAT"})
wrong("00.2", "only the first value", {"return best": "return values[0]"})
wrong("00.2", "last value was left out", {"i < count": "i < count - 1"})
wrong("00.2", "behind the last one was read", {"i < count": "i <= count"})
wrong("00.2", "this is the smallest", {"values[i] > best": "values[i] < best"})
wrong(
    "00.2",
    "begin with the first value, not with 0",
    {"best = values[0]": "best = 0", "i = 1": "i = 0"},
)
