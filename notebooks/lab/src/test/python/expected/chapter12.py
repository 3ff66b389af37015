"""What chapter 12 prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import Walk

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

IN_VAIN = [
    "sleeps, and is no thread → only a thread can wait, while its own runtime runs",
    "sleeps for an hour, and is cancelled → the wait was cancelled",
    "receives, and nobody sends in time → its time is up",
    "accepts, and nobody comes in time → its time is up",
    "reads where another thread reads → another thread waits for it already",
    "reads from what another thread closes → no such socket: it has been closed",
    "writes to it then → no such socket: it has been closed",
    "connects where nobody listens → Connection refused",
]

PROGRAM = [
    "thread 2 slept 10 ms",
    "thread 3 slept 20 ms",
    "thread 1 slept 30 ms",
    "all together: not less than the longest",
    "ticks: 1 2 3",
    "the server sent back: hello, echo",
    *IN_VAIN,
    "read 1000 bytes of a file",
    "5 wait:",
    "thread 1 sleeps",
    "thread 2 reads from socket 1",
    "thread 3 waits for another OS thread",
    "thread 4 is parked",
    "thread 5 joins thread 1",
    "4 wait, after one was woken",
    "answered: 200 OK",
    "answered: 200 OK",
    "answered: 404 Not Found",
    "answered: 200 OK",
    "answered: 400 Bad Request",
]

NOT_FOR_WINDOWS = "what has happened outside, it learns from epoll or kqueue"


def sleepers(what, low, high, threads=100_000):
    """Of so many threads; an older Linux gives guard pages for some 32,000, and then those are made."""
    report = "(*(struct sleepers_report *)memory)"
    return (f"many_sleepers({threads}, 200, (void *)memory) == 0 ? {what.replace('$', report + '.')} : -1", low, high)


FACTS = [
    sleepers("$woken", 30_000, 100_000),
    sleepers("$made - $woken", 0, 0),
    sleepers("$out_of_order", 0, 0),
    sleepers("$early", 0, 0),
    sleepers("$left", 0, 0),
    sleepers("$woken", 1, 1, threads=1),
    ("many_sleepers(0, 200, (void *)memory)", -1, -1),
    # Together they need as long as the longest; where they sleep in the system, as long as all.
    ("naps((int32_t[]){600, 500, 550}, 3)", 600, 1649),
    ("naps_in_the_system((int32_t[]){600, 500, 550}, 3)", 1650, 100_000),
    ('reach("localhost", 1) == SYSTEM_SAYS - ECONNREFUSED', 1, 1),
    ('reach("no.such.name.invalid", 1) < SYSTEM_SAYS', 1, 1),
]

WALK = Walk(["switch_stack"], {"take_a_nap", "thread_entry"}, begins={"thread_entry"})
