"""Chapter 09's threads at random, under AddressSanitizer: stress.c says what has to hold after each round."""

import re

import pytest

from project import LAB, NATIVE, run, tool
from test_native import COMPILERS, STRICT

pytestmark = pytest.mark.chapter("09")

SOURCE = LAB / "src" / "test" / "native" / "stress.c"
SANITIZED = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wno-unused-function"]


def compiled(folder, compiler, native=NATIVE):
    words = [tool(compiler, why=COMPILERS[compiler]), *STRICT, *SANITIZED, "-O1", f"-I{native}", SOURCE]
    status, said = run([*words, "-o", folder / "stress"])
    assert status == 0 and said == "", said
    return folder / "stress"


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_thousand_rounds(tmp_path, compiler):
    status, said = run([compiled(tmp_path, compiler), 1000])
    assert status == 0, said
    seed, books = said.splitlines()
    assert re.fullmatch(r"seed 0x[0-9a-f]+", seed)
    threads, values, waited = map(int, re.fullmatch(r"(\d+) threads, (\d+) values, (\d+) times all waited, 0 wrong", books).groups())
    assert threads > 20_000 and values > 2_000 and waited > 500, "the rounds are to be full of everything"


# Each change is a mistake that the rounds have to find: the text, and what is written in its place.
MISTAKES = {
    "a value is dropped": ("            store(c, sender->value);\n", "            (void)sender;\n"),
    "a place is lost": ("    r->available = t;\n", "    r->available = t->next;\n"),
    "a result is not stored": ("    old->result = result;\n", ""),
    "errno is shared": ("    old->error = *running->system_errno;\n", ""),
    "an environment is not copied": (
        "t->environment = size > 0 ? memcpy(copy, environment, size) : NULL;",
        "t->environment = (void *)environment;",
    ),
    "whoever waits when a channel is closed is forgotten": (
        "    while ((w = first_of(&c->senders)) != NULL || (w = first_of(&c->receivers)) != NULL)\n"
        "        go_on(w->thread, c->runtime);\n",
        "    (void)w;\n",
    ),
    "nobody counts who waits no more": ("    t->state = READY;\n    r->waiting--;\n", "    t->state = READY;\n    (void)r;\n"),
    "the base thread's stack is not set back": ("    base->sp = waits_at;\n", ""),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(tmp_path, mistake):
    old, new = MISTAKES[mistake]
    native = tmp_path / "native"
    native.mkdir()
    (native / "arch").symlink_to(NATIVE / "arch")
    name = "09-results-and-channels.c"
    text = (NATIVE / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (native / name).write_text(text.replace(old, new), encoding="utf-8")
    status, said = run([compiled(tmp_path, "gcc", native), 1000])
    assert status != 0, said
