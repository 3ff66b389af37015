"""What chapter 09 prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import READY, Edit, Walk, loaded, right, wrong

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

# The later book's, to the letter.
SEVEN_LINES = [
    "I haven't implemented a timer in this example.",
    "But we can still nest tasks...",
    "THREAD 2 FINISHED.",
    "...like this!",
    "THREAD 3 FINISHED.",
    "Finally, notice how the tasks are executed concurrently.",
    "THREAD 1 FINISHED.",
]

ALL_WAIT = [
    "thread 1 receives from the questions",
    "thread 2 receives from the answers",
    "thread 3 joins thread 2",
    "thread 4 is parked",
]

MISUSES = [
    "waits, and is no thread: only a thread can wait, while its own runtime runs",
    "gives too much: the environment is too large for the stack",
    "joins itself: it would wait for itself",
    "joins who is not to be joined: nobody may join it: it was not spawned to be joined",
    "joins twice: no such thread: it has ended, and if it had a result, that has been fetched",
    "asks who is no generator: it gives no values: it is not a generator",
    "gives, and is no generator: it gives no values: it is not a generator",
    "sends to a closed channel: the channel is closed",
    "closes it again: the channel is closed",
    "runs its own runtime: the runtime runs already",
]

PROGRAM = [
    *SEVEN_LINES,
    "1 + … + 1000 = 500500",
    "received: 1 4 9 16 25 36",
    "moves: 13 12 32 13 21 23 13",
    "4 wait for ever:",
    *ALL_WAIT,
    "errno, of two: 12",
    "on a thread's stack, of two calls: 10",
    *MISUSES,
]

FACTS = [
    # So many threads that each send once through one channel, alive together as far as the system lets them; and
    # a few at a time.
    *[
        (f"crowd(100000, {at_once}, (void *)memory) == 0 ? ((struct crowd_report *)memory)->{what} : -1", low, high)
        for at_once in (100000, 100, 1)
        for what, low, high in [
            ("received", 100000, 100000),
            ("sum", 5000050000, 5000050000),
            ("waiting", 0, 0),
            ("places", 3 if at_once == 1 else min(at_once, 30000), at_once + 2),
        ]
    ],
    ("crowd(0, 1, (void *)memory)", -1, -1),
    # The switches of chapter 09's table: the base thread's two, and those between the two threads.
    *[
        (f"trace_squares(12, {capacity}, NULL, 0)", switches, switches)
        for capacity, switches in [(0, 15), (1, 11), (3, 7), (6, 5), (12, 3)]
    ],
    ("sum_of(1, 1000000)", 500000500000, 500000500000),
    ("sum_of(5, 4)", 0, 0),
    ("print_squares(3, 1) + print_squares(0, 0) + print_squares(3, 100)", 0, 0),
    ("later_book(1) + later_book(0)", 0, 0),
    ("own_variables((void *)memory) == 0 ? ((struct own_report *)memory)->first_errno : -1", 1, 1),
    ("own_variables((void *)memory) == 0 ? ((struct own_report *)memory)->first_local : -1", 2, 2),
    ("yield_ns(3, 100) > 0 && join_ns(100) > 0 && hand_over_ns(100, 3) > 0 && generator_ns(100) > 0", 1, 1),
    ("call_on_base_ns(100) > 0 && call_on_base_ns(0) == -1", 1, 1),
    # A text that has no room for all lines has whole ones.
    ("all_wait(memory, 60) == 4 && strcmp(memory, \"thread 1 receives from the questions\\n\") == 0", 1, 1),
    ("all_wait(memory, 0) == 4 && memory[0] == 0", 1, 1),
]

WALK = Walk(["switch_stack"], {"first_task", "thread_entry"}, begins={"thread_entry"})
