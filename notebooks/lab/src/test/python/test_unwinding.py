"""A walk up the stack, from inside every switch: gdb, instruction by instruction, finds who called whom.

What gdb reads is the table that the assembly writes by hand (CFI). A wrong word in it shows nowhere
else: the programs run as before, and a debugger, a profiler or an exception goes astray.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import expected
from expected import AARCH64, RISCV64, RUNTIME, X86_64
from project import NATIVE, run, tool
from test_machines import MACHINES
from test_native import CHAPTERS, HERE, STRICT

SECONDS = 60  # about as long as it takes

WALKER = Path(__file__).with_name("walked_by_gdb.py")

# What is stepped in which chapter, and which functions must be seen to have called it. Where a
# stack begins there is no caller: there each walk has to end, and say that it knows.
WALKS = {chapter: walk for chapter in CHAPTERS if (walk := expected.of(chapter).WALK)}
# So many are stepped: the book's example, 43 switches and two ends of threads. (06 goes on with stacks
# that have no beginning of this kind: it looks what happens where words are misplaced.)
VISITS = 45

# The last frame of a walk: where a stack begins, ours or the system's. (gdb stops at main, unless main
# has ended with a jump to the function that it calls last.)
BEGINNINGS = {name for walk in WALKS.values() for name in walk.begins}
ENDS = {"main", "_start", "before_skip", "before_way_home"} | BEGINNINGS
# Stepping one of these, nothing is above it any more: the stack has come to its end.
LAST = {"skip", "way_home"}

GDB = ["gdb-multiarch", "gdb"]


def walked(folder, machine, chapter, functions, level, visits, **more):
    """What gdb said after each instruction."""
    gdb = tool(*(GDB[:1] if machine != HERE else GDB), why="it walks the stack of a program that it steps")
    compiler = tool(*(["gcc"] if machine == HERE else MACHINES[machine].compilers), why=f"it compiles for {machine}")
    demo = folder / "demo"
    # Where its functions are is known before it runs: a debugger that is asked for a name may find a
    # function of the C library's under it.
    fixed = ["-fno-pie", "-no-pie"] if machine == HERE else ["-static"]
    status, said = run([compiler, *STRICT, level, "-g", "-DMAIN", *fixed, NATIVE / f"{chapter}.c", "-o", demo])
    assert status == 0, said
    status, symbols = run([tool("nm", why="it tells where functions are"), demo])
    assert status == 0, symbols
    begins = {words[2]: int(words[0], 16) for line in symbols.splitlines() if len(words := line.split()) == 3}
    if "first" in more:
        more["first"] = begins[more["first"]]
    socket = folder / "gdb"
    start = [f"target remote {socket}"] if machine != HERE else []
    todo = {
        "before": ["set pagination off", "set confirm off", "set debuginfod enabled off", *start],
        "functions": [begins[function] for function in functions],
        "start": "continue" if machine != HERE else "run > /dev/null",
        "visits": visits,
        **more,
    }
    emulator = None
    if machine != HERE:
        qemu = tool(*MACHINES[machine].emulators, why=f"it runs programs for {machine}")
        emulator = subprocess.Popen(
            [qemu, "-g", str(socket), str(demo)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    try:
        _, said = run(
            [gdb, "-nx", "-batch", "-x", WALKER, demo],
            env={**os.environ, "WALK": json.dumps(todo), "LC_ALL": "C.UTF-8"},
            timeout=180,
        )
    finally:
        if emulator:
            emulator.kill()
            emulator.wait()
    told = [json.loads(line[5:]) for line in said.splitlines() if line.startswith("WALK ")]
    assert told, said
    return told


def wrong_in(step):
    """What is wrong with the walk after one instruction, in words; None if nothing is."""
    frames = step["frames"]
    names = [frame["name"] for frame in frames]
    above = frames[1]["begins"] if len(frames) > 1 else None
    if above and above not in LAST:
        return None  # about to begin a function that nobody called: unwind.h says what a debugger makes of it
    if step["step"] == -1 and names[0] in BEGINNINGS:
        return None  # entered by a `ret` just now, it has not yet come to say that nobody called it
    if None in names:
        return f"an address that is nowhere: {names}"
    if names[-1] in ("main", "_start"):
        return None
    if not step["outermost"]:
        return f"the walk does not know that it has ended: {names}: {step['reason']}"
    if names[-1] not in ENDS and not (len(names) == 1 and names[0] in LAST):
        return f"it ends in another place: {names}"
    return None


def check(told, callers):
    wrong = {f"{step['function']}, step {step['step']}: {why}" for step in told if (why := wrong_in(step))}
    assert not wrong, "\n".join(sorted(wrong))
    seen = {frame["name"] for step in told for frame in step["frames"]}
    assert callers <= seen, f"never seen as a caller: {callers - seen}"


@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("chapter", WALKS)
def test_walk(tmp_path, chapter, level):
    walk = WALKS[chapter]
    if HERE not in (X86_64, AARCH64) or shutil.which("gdb") is None:
        pytest.skip("gdb is not installed: it walks the stack of a program that it steps")
    check(walked(tmp_path, HERE, chapter, walk.stepped, level, VISITS), walk.callers)


@pytest.mark.parametrize("chapter", WALKS)
@pytest.mark.parametrize("machine", [AARCH64, RISCV64])
def test_walk_elsewhere(tmp_path, machine, chapter):
    if machine == HERE:
        pytest.skip("this machine itself: test_walk has seen it")
    walk = WALKS[chapter]
    check(walked(tmp_path, machine, chapter, walk.stepped, "-O2", VISITS), walk.callers)


# ---------------------------------------------------------------- a generator that gives

# From the first value on: it gives and is asked again, in turn, at most two calls down; and ends.
GIVES = {"functions": ["give_by_jump", "switch_stack"], "first": "give_by_jump", "visits": 15}
INLINED = {"give", "give_stack"}  # a debugger shows them all the same
GIVERS = {"hanoi_moves", "thread_entry", "give_by_jump"}


def check_gives(told):
    check(told, GIVERS)
    gave = [step for step in told if step["function"] == "give_by_jump" and step["step"] == 0]
    assert len(gave) == 7, "so many moves have three discs"
    for step in gave:  # it was jumped to, and yet is seen to be called
        names = [frame["name"] for frame in step["frames"] if frame["name"] not in INLINED]
        assert names[:2] == ["give_by_jump", "hanoi_moves"], step


@pytest.mark.chapter("09")
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_walk_of_a_generator(tmp_path, level):
    if HERE not in (X86_64, AARCH64) or shutil.which("gdb") is None:
        pytest.skip("gdb is not installed: it walks the stack of a program that it steps")
    check_gives(walked(tmp_path, HERE, "09-results-and-channels", level=level, **GIVES))


@pytest.mark.chapter("09")
@pytest.mark.parametrize("machine", [AARCH64, RISCV64])
def test_walk_of_a_generator_elsewhere(tmp_path, machine):
    if machine == HERE:
        pytest.skip("this machine itself: test_walk_of_a_generator has seen it")
    check_gives(walked(tmp_path, machine, "09-results-and-channels", level="-O2", **GIVES))


# ---------------------------------------------------------------- a thread that waits

# The fifth switch is from thread 2 to thread 1. At the sixth one, thread 1 is about to leave; thread 2
# has waited since the fifth, in the middle of its calls.
PARKED = {"visits": 4, "parked": "running->threads[2].sp"}
RUNNING, WAITING = "thread_1", "thread_2"


def check_parked(told, level):
    assert [step["function"] for step in told] == ["running", "parked", "running", "ended"]
    names = [[frame["name"] for frame in step["frames"]] for step in told[:3]]
    for step, found in zip(told, names):
        assert found[-1] == "thread_entry", f"it ends elsewhere: {found}"
        assert step["outermost"], f"the walk does not know that it has ended: {step['reason']}"
        assert "count" in found and found.count("thread_entry") == 1, found
    assert names[1][0] == "switch_stack"
    if level == "-O0":  # else a function that calls another one as its last act may have jumped there
        assert WAITING in names[1] and RUNNING not in names[1], names[1]
        assert RUNNING in names[0] and WAITING not in names[0], names[0]
    assert names[2] == names[0], "put back, they show what they showed before"
    assert told[3]["exit"] == 0, "and the program goes on as if nobody had looked"


@pytest.mark.chapter("07")
@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_a_parked_thread_is_seen(tmp_path, level):
    if HERE not in (X86_64, AARCH64) or shutil.which("gdb") is None:
        pytest.skip("gdb is not installed: it shows the calls of a thread that waits")
    check_parked(walked(tmp_path, HERE, RUNTIME, ["switch_stack"], level, **PARKED), level)


@pytest.mark.chapter("07")
@pytest.mark.parametrize("level", ["-O0", "-O2"])
@pytest.mark.parametrize("machine", [AARCH64, RISCV64])
def test_a_parked_thread_is_seen_elsewhere(tmp_path, machine, level):
    if machine == HERE:
        pytest.skip("this machine itself: test_a_parked_thread_is_seen has seen it")
    check_parked(walked(tmp_path, machine, RUNTIME, ["switch_stack"], level, **PARKED), level)
