"""Answers to the exercises of chapter 04, and what the check must say to each."""

from answers import right, wrong

wrong("04.1", "paint is what was not used", {"value != paint": "value == paint"})
wrong("04.1", "count the hole too", {"used = below": "used++"})
wrong(
    "04.1",
    "paint in a frame is no end",
    {"        if (value != paint) {\n            used = below;\n": "        if (value == paint) {\n            break;\n", "        }\n    }": "        }\n        used = below;\n    }"},
)
wrong("04.1", "one too few", {"used = below": "used = below - 1"})
wrong("04.2", "stays in one frame", {"caller = stack.get(ValueLayout.JAVA_LONG, at)": "caller = frame"})
wrong("04.2", "set caller as well", {"        caller = stack.get(ValueLayout.JAVA_LONG, at);\n": ""})
wrong("04.2", "the two are exchanged", {"caller = stack": "returnAddress = stack", "returnAddress = stack": "caller = stack"})
wrong("04.2", "8 bytes above the frame pointer, not below", {"at + 8": "at - 8"})
wrong("04.2", "nothing is read yet", {"returnAddress = stack.get(ValueLayout.JAVA_LONG, at + 8);": ""})
wrong("04.3", "nothing is written", {"copy.set(ValueLayout.JAVA_LONG, at, newLow + (word - oldLow))": "word += newLow - oldLow"})
wrong("04.3", "as far from newLow as it was from oldLow", {"newLow + (word - oldLow)": "newLow"})
wrong("04.3", "as far from newLow as it was from oldLow", {"newLow + (word - oldLow)": "word + oldLow - newLow"})
wrong("04.3", ">= and not >", {"word >= oldLow": "word > oldLow"})
wrong("04.3", "so that the highest byte is within", {"word < oldLow + size": "word < oldLow + size - 8"})
wrong("04.3", "< and not <=", {"word < oldLow + size": "word <= oldLow + size"})
wrong("04.3", "compare with oldLow as well", {"word >= oldLow && ": ""})
