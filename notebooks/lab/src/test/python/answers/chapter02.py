"""Answers to the exercises of chapter 02, and what the check must say to each."""

from answers import before, right, wrong

before("02", 'boolean x86 = Lab.machine().architecture().equals("x86-64");')

wrong("02.1", "`out` is an argument too", source="""List<String> places = x86
    ? List.of("rsi", "r8", "r9", "stack 2")
    : List.of("x1", "x4", "x5", "stack 0");""")
wrong("02.1", "floating-point arguments take no place", source="""List<String> places = x86
    ? List.of("rcx", "stack 1", "stack 2", "stack 5")
    : List.of("x3", "x7", "stack 0", "stack 3");""")
wrong("02.1", "no such place", {'"rdx"': '"edx"', '"x2"': '"w2"'})
wrong("02.1", "the lowest slot has number 0", {'"stack 0"': '"stack 1"', '"stack 1"': '"stack 2"'})
wrong("02.1", "count again", {'"rdx"': '"r8"', '"x2"': '"x4"'})
wrong("02.1", "four places are wanted", {', "stack 3"': "", ', "stack 1"': ""})
wrong("02.2", "SAVE belongs before WORK", {"SAVE WORK RESTORE": "WORK SAVE RESTORE"})
wrong("02.2", "SAVE belongs before WORK, RESTORE after it", {"SAVE WORK RESTORE": "SAVE RESTORE WORK"})
wrong("02.2", "WORK computes the result", {"SAVE WORK RESTORE": "SAVE RESTORE"})
wrong("02.2", "does a saved value still lie there", {"SAVE WORK RESTORE": "SAVE WORK"})
