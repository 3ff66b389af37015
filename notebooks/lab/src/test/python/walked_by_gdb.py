"""Run by gdb, not by us: steps through functions, and says after each instruction who called whom.

What to do stands in $WALK, as JSON. A line of JSON is printed for each step: the function that is
stepped, the frames from the innermost outwards, and why there are no more.
"""

import json
import os

import gdb

MOST_FRAMES = 40
MOST_STEPS = 400


def begins(at):
    """The name of what begins at this address, or None."""
    said = gdb.execute(f"info symbol {at:#x}", to_string=True)
    return None if " + " in said or said.startswith("No symbol") else said.split()[0]


def tell(function, step):
    frames, frame = [], gdb.newest_frame()
    while frame is not None and len(frames) < MOST_FRAMES:
        at = frame.pc()
        frames.append({"name": frame.name(), "pc": at, "begins": begins(at)})
        last, frame = frame, frame.older()
    reason = last.unwind_stop_reason()
    words = {
        "function": function,
        "step": step,
        "frames": frames,
        "reason": gdb.frame_stop_reason_string(reason),
        "outermost": reason == gdb.FRAME_UNWIND_OUTERMOST,
    }
    print("WALK " + json.dumps(words), flush=True)


def walk(todo):
    for line in todo["before"]:
        gdb.execute(line)
    if "first" in todo:  # not before it comes here
        gdb.Breakpoint(f"*{todo['first']:#x}", temporary=True)
        gdb.execute(todo["start"])
    stops = []
    for function in todo["functions"]:
        stops.append(gdb.Breakpoint(f"*{function:#x}"))
        stops[-1].silent = True
    if "first" not in todo:
        gdb.execute(todo["start"])
    stepped = {begins(function) for function in todo["functions"]}
    for _ in range(todo["visits"]):
        if gdb.selected_thread() is None:
            return  # the program has ended
        function = begins(gdb.newest_frame().pc())
        for stop in stops:
            stop.enabled = False
        for step in range(MOST_STEPS):
            tell(function, step)
            gdb.execute("stepi", to_string=True)
            now = gdb.newest_frame().name()
            if now != function:
                tell(function, -1)  # outside
                if now not in stepped:
                    break
                function = now
        for stop in stops:
            stop.enabled = True
        gdb.execute("continue")
    if gdb.selected_thread() is not None:
        gdb.execute("kill")


def number(expression):
    return int(gdb.parse_and_eval(f"(unsigned long)({expression})"))


def park(todo):
    """As unwind.h tells a reader to: shows a thread that waits, while another one runs; then goes on."""
    for line in todo["before"]:
        gdb.execute(line)
    switch = gdb.Breakpoint("*switch_stack")
    gdb.execute(todo["start"])
    for _ in range(todo["visits"]):
        gdb.execute("continue")
    stood = number("$sp")
    while abs(number("$sp") - stood) < 0x400:
        gdb.execute("stepi", to_string=True)
    behind_exchange = number("$pc")
    gdb.execute("continue")
    tell("running", 0)
    sp, pc = number("$sp"), number("$pc")
    gdb.execute(f"set $sp = {todo['parked']}")
    gdb.execute(f"set $pc = {behind_exchange:#x}")
    tell("parked", 0)
    gdb.execute(f"set $sp = {sp:#x}")
    gdb.execute(f"set $pc = {pc:#x}")
    tell("running", 1)
    switch.enabled = False
    gdb.execute("continue")
    print("WALK " + json.dumps({"function": "ended", "exit": number("$_exitcode")}), flush=True)


todo = json.loads(os.environ["WALK"])
(park if "parked" in todo else walk)(todo)
