"""Chapter 13: upcalls that take turns end a JVM, with each collector; what the chapter says holds is done a million times."""

import functools
import json
import os
import re
import struct
from pathlib import Path

import pytest

from project import BUILD, NATIVE, NOTEBOOKS, run, tool

pytestmark = pytest.mark.chapter("13")
SECONDS = 60

# Those that move objects or mark them while upcalls take turns; and the one that never does.
COLLECTING = ["Serial", "Parallel", "G1", "Z", "Shenandoah"]
ALL = [*COLLECTING, "Epsilon"]

MILLION = 1_000_000
TRIES = 4

# What HotSpot says of its end: a signal, or what its own code holds for impossible.
SIGNATURE = re.compile(r"SIG(SEGV|BUS|ILL|FPE|TRAP)|guarantee\(.*\).*|ShouldNotReachHere\(\)|fatal error.*|Internal Error|.* failed.*")
# And of the end of an upcall that is told there is no room on a stack.
NO_ROOM = "StackOverflowError"

TELL = """
{
    JvmEnd end = program.run("%s", %s);
    JvmCrash log = end.crash().orElse(new JvmCrash("", "", "", "", List.of(), false));
    System.out.println(new com.google.gson.Gson().toJson(Map.of(
        "home", end.cameHome(), "late", end.tookTooLong(), "exit", end.exit(), "counts", end.counts(),
        "by", end.endedBy(), "printed", end.printed(), "error", log.error(), "frame", log.frame(),
        "thread", log.thread(), "operation", log.operation())));
}
"""


def there():
    """The folders of JVMs: one that a killed kernel has left may be among them."""
    return set((BUILD / "jvm").glob("*"))


@pytest.fixture
def program(kernel):
    """Runs notebooks/JavaFrames.java in a JVM of its own, by way of the lab, and returns how it ended."""
    kernel.ok('JavaProgram program = Lab.program("JavaFrames", Lab.load("13-from-here-to-loom"));')

    def run(collector, *words):
        if collector not in collectors():
            pytest.skip(f"this JDK has no {collector} collector")
        told = kernel.ok(TELL % (collector, ", ".join(json.dumps(word) for word in words))).text
        return json.loads(told.splitlines()[-1])

    @functools.cache
    def collectors():
        return kernel.ok('System.out.println(String.join(" ", program.collectors()));').text.split()

    before = there()
    yield run
    assert there() <= before, "a JVM left something behind"


def crashed(end):
    """Whether it is a crash of HotSpot's, by what its own log says of it."""
    assert not end["late"], "it hung"
    return bool(SIGNATURE.fullmatch(end["error"])) and end["frame"] != "unknown" and end["thread"] != "unknown"


@pytest.mark.parametrize("collector", COLLECTING)
def test_a_collection_ends_upcalls_that_take_turns(program, collector):
    end = program(collector, "keep", MILLION, 1)
    assert crashed(end), end
    began, wrong, *_ = end["counts"]
    assert 0 < began < 2 * MILLION, "they took turns, and did not come to the end"
    assert wrong < began


def test_before_that_a_variable_may_have_changed(program):
    """Not with each collector, and not each time: but with one of them in a few runs."""
    seen = []
    for _ in range(TRIES):
        for collector in ("Serial", "Parallel", "G1", "Z"):
            end = program(collector, "keep", MILLION, 1)
            seen.append((collector, end["counts"]))
            if end["counts"][1] > 0:
                return
    pytest.fail(f"no variable ever changed: {seen}")


def test_without_a_collection_they_come_to_the_end(program):
    """And the values are right. What the JVM then says when it clears up depends on the C library."""
    end = program("Epsilon", "keep", 50_000, 1)
    assert end["counts"] [:2] == [100_000, 0], end
    assert end["printed"].startswith("came home\n"), end
    assert not end["late"]


@pytest.mark.parametrize("collector", ALL)
def test_whoever_asks_who_called_is_told_wrong_and_then_nothing_more(program, collector):
    end = program(collector, "look", MILLION, 1)
    assert crashed(end), end
    began, wrong, *_ = end["counts"]
    # Thread 2 is always told that thread 1 has called it; the last one that asks gets no answer.
    assert 0 < began < 2 * MILLION and (began - 2) // 2 <= wrong <= began // 2, end


@pytest.mark.parametrize("collector", ALL)
def test_the_wrong_answers_are_these(program, collector):
    end = program(collector, "look", 2, 1)
    assert end["printed"].splitlines()[:3] == ["first ← home", "second ← first ← home", "first ← home"], end
    assert crashed(end), end
    assert end["thread"] == 'JavaThread "the OS thread"'


@pytest.mark.parametrize("what", ["keep", "look"])
@pytest.mark.parametrize("collector", COLLECTING)
def test_nor_does_memory_of_our_own_help(program, collector, what):
    end = program(collector, what, MILLION, 0)
    assert crashed(end), end
    assert end["by"] == NO_ROOM or end["counts"][0] > 0, end


@pytest.mark.parametrize("collector", ALL)
def test_what_holds_holds_a_million_times(program, collector):
    """The base thread's upcalls, whole schedules in a downcall, and in a critical one: a million of each."""
    end = program(collector, "holds", MILLION, 1)
    assert end["home"] and end["exit"] == 0, end
    assert end["counts"] [:2] == [3 * MILLION, 0]
    assert end["by"] == "nothing: it came home"


# Epsilon's System.gc() does nothing, and waits for nobody.
@pytest.mark.parametrize("collector", COLLECTING)
def test_a_collection_waits_for_a_critical_schedule_and_for_no_other(program, collector):
    seen = []
    for _ in range(TRIES):  # a busy machine may hold up either
        end = program(collector, "wait", 40 * MILLION, 1)
        assert end["home"], end
        ran, ordinary, critical_ran, critical = end["counts"]
        assert critical >= 0.9 * critical_ran > 0, "it has not waited for the critical one"
        seen.append(end["counts"])
        if ordinary < ran / 2 and ordinary < critical / 2:
            return
    pytest.fail(f"the ordinary call was waited for, too: {seen}")


@pytest.fixture
def library(tmp_path):
    compiler = tool("gcc", "clang", why="it compiles the chapters")
    status, said = run([compiler, "-O2", "-fPIC", "-shared", NATIVE / "13-from-here-to-loom.c", "-o", tmp_path / "library.so"])
    assert status == 0, said
    return tmp_path / "library.so"


@pytest.mark.parametrize("inside", [0, 1])
def test_without_compiled_code_the_wrong_answers_go_on_until_one_returns(library, tmp_path, inside):
    """Neither a collection nor a frame that looks otherwise ends it: only that thread 1 is gone."""
    rounds, java = 5_000, Path(os.environ["JAVA_HOME"]) / "bin"
    status, said = run([java / "javac", "-d", tmp_path, NOTEBOOKS / "JavaFrames.java"])
    assert status == 0, said
    flags = ["-Xint", "-XX:+UnlockExperimentalVMOptions", "-XX:+UseEpsilonGC", "-Xmx512m", "-XX:-CreateCoredumpOnCrash",
             "-XX:ErrorLogTimeout=10", f"-XX:ErrorFile={tmp_path / 'error.log'}", "--enable-native-access=ALL-UNNAMED"]
    for _ in range(TRIES):
        status, said = run([java / "java", *flags, "-cp", tmp_path, "JavaFrames", library, tmp_path / "notes", "look", rounds, inside])
        began, wrong, *_ = struct.unpack("4q", (tmp_path / "notes").read_bytes())
        assert status != 0 and "came home" not in said, said
        if inside or NO_ROOM not in said:  # where memory of our own lies below the OS thread's stack, it ends at once
            assert (began, wrong) == (2 * rounds, rounds - 1), said
            return
        (tmp_path / "notes").unlink()
    assert NO_ROOM in said


def test_the_program_runs_alone(library, tmp_path):
    """As its first lines say: compiled C, and Java's launcher for a single file."""
    java = Path(os.environ["JAVA_HOME"]) / "bin/java"
    words = ["--enable-native-access=ALL-UNNAMED", NOTEBOOKS / "JavaFrames.java", library, tmp_path / "notes", "holds", 1000, 1]
    assert run([java, *words]) == (0, "came home\n")
    began, wrong, *_ = struct.unpack("4q", (tmp_path / "notes").read_bytes())
    assert (began, wrong) == (3000, 0)
