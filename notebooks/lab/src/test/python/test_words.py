"""Every passage keeps to the words; and every rule can be broken, which passages written for it show."""

import pytest

from words import COMMENT, PROSE, RULES, TEXT, Passage, exceptions, in_code, in_markdown, passages, wrong_words

PASSAGES = list(passages())
FILES = sorted({passage.file for passage in PASSAGES})


def test_there_is_something_to_look_at():
    assert {"00", "08", "native/05-there-and-back.c", "native/arch/arch.h", "README.md"} <= set(FILES)
    assert {p.kind for p in PASSAGES} == {PROSE, COMMENT, TEXT}


@pytest.mark.parametrize("file", FILES)
def test_one_word_has_one_meaning(file):
    assert wrong_words([p for p in PASSAGES if p.file == file]) == []


# ---------------------------------------------------------------- the rules themselves

# The rule, a passage that breaks it, one that does not.
EXAMPLES = [
    ("kernel", "04", PROSE, "what the Linux kernel keeps", "what Linux keeps"),
    ("kernel", "04", PROSE, "16 KiB of kernel stack", "the kernel of this notebook goes on"),
    ("kernel", "07", COMMENT, "the kernel splits the mapping", "the kernel that runs your cells"),
    ("kernel", "native/07-x.c", COMMENT, "a kernel that runs cells", "the system"),
    ("guard", "04", PROSE, "a guard below the stack", "a guard page below the stack"),
    ("guard", "04", PROSE, "HotSpot guards the end", "the stack's guard pages"),
    ("guard", "native/06-x.c", COMMENT, "the guard that prints", "skip returns into guard"),
    ("guard", "native/04-x.c", TEXT, "a guarded stack", "a stack with a guard page"),
    ("guard", "native/07-x.c", COMMENT, "begins as guard does", "with a guard page"),
    ("done", "06", PROSE, "until the thread is done", "Returns DONE"),
    ("done", "06", TEXT, "done", "what is to be done"),
    ("free place", "06", COMMENT, "its place in the table is free again", "its place is available again"),
    ("free place", "06", TEXT, "the next free place", "the stack is free"),
    ("visitor, worker", "native/05-x.c", TEXT, "the worker", "the other side"),
    ("visitor, worker", "05", PROSE, "a visit to a side", "came home after one round trip"),
    ("processor", "07", PROSE, "only one processor at work in a runtime", "what a processor guesses"),
    ("core", "01", PROSE, "it wakes a core", "two cores"),
    ("thread", "05", PROSE, "it starts threads", "all green threads of an OS thread"),
    ("thread", "native/05-x.c", COMMENT, "a thread that waits", "chapter 06 calls it a thread"),
    ("swap", "05", PROSE, "the swap keeps nothing else", "the swap of chapter 03 keeps nothing else"),
    ("switch names", "native/03-x.c", COMMENT, "as switch_context does", "as swap does"),
    ("switch names", "native/06-x.c", COMMENT, "as switch_stack does", "as switch_context does"),
    ("slot", "06", COMMENT, "a table of so many slots", "a slot of the stack"),
    ("word", "08", PROSE, "a word of four bytes", "a word of eight bytes"),
    ("clumsy", "04", PROSE, "the byte that counts least", "the lowest byte"),
]


@pytest.mark.parametrize("name, file, kind, wrong, right", EXAMPLES, ids=[f"{i}-{e[0]}" for i, e in enumerate(EXAMPLES)])
def test_rule_can_be_broken(name, file, kind, wrong, right):
    def told(text):
        return [line.split(": ")[1] for line in wrong_words([Passage(file, file, kind, text)])]

    assert name in told(wrong)
    assert name not in told(right)


def test_every_rule_is_broken_once():
    def breaks(rule, example):
        name, file, kind, wrong, _ = example
        return rule.name == name and rule.found_in(Passage(file, file, kind, wrong)) != []

    assert [rule for rule in RULES if not any(breaks(rule, example) for example in EXAMPLES)] == []


def test_every_exception_is_needed():
    used = {
        exception
        for passage in PASSAGES
        for rule in RULES
        for text in rule.found_in(passage)
        for exception in exceptions(passage)
        if exception[0] == rule.name and exception[1] in text
    }
    there = {exception for passage in PASSAGES for exception in exceptions(passage)}
    assert there - used == set()


def test_reads_what_a_reader_reads():
    c = 'int f(void); // one,\n         // and two\n/* A comment\n * of two lines.\n *\n * And more. */\nchar *s = "a text";\n'
    assert [(p.kind, p.text) for p in in_code(c, str, "x.c")] == [
        (COMMENT, "one, and two"),
        (COMMENT, "A comment of two lines."),
        (COMMENT, "And more."),
        (TEXT, "a text"),
    ]
    markdown = "A `guard` and\na [link](guard.md).\n\n```c\n/* said */ int guard;\n```\n\n- more\n"
    assert [(p.kind, p.where, p.text) for p in in_markdown(markdown, str, "x.md")] == [
        (COMMENT, "1", "said"),
        (PROSE, "1", "A `…` and a [link](…)."),
        (PROSE, "8", "- more"),
    ]
