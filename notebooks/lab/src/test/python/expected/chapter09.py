"""What chapter 09 prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import READY, Walk, loaded, right, wrong

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
    "waits, and is no thread → only a thread can wait, while its own runtime runs",
    "gives too much → it is too large for a thread's stack",
    "joins itself → it would wait for itself",
    "joins one that nobody may join → nobody may join it: it was not spawned to be joined",
    "joins twice → no such thread: it has ended, and if it had a result, that has been fetched",
    "asks one that is no generator → it gives no values: it is not a generator",
    "gives, and is no generator → it gives no values: it is not a generator",
    "sends to a closed channel → the channel is closed",
    "closes it again → the channel is closed",
    "runs its own runtime → the runtime runs already",
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
        (f"trace_squares(12, {capacity}, (void *)memory, 100)", switches, switches)
        for capacity, switches in [(0, 15), (1, 11), (3, 7), (6, 5), (12, 3)]
    ],
    ("sum_of(1, 1000000)", 500000500000, 500000500000),
    ("sum_of(5, 4)", 0, 0),
    ("sieve_numbers(1000)", 1, 1),
    ("sieve_numbers(1)", -1, -1),
    ("print_squares(3, 1) + print_squares(0, 0) + print_squares(3, 100)", 0, 0),
    ("later_book(1) + later_book(0)", 0, 0),
    ("own_variables((void *)memory) == 0 ? ((struct own_report *)memory)->first_errno : -1", 1, 1),
    ("own_variables((void *)memory) == 0 ? ((struct own_report *)memory)->first_local : -1", 2, 2),
    ("yield_ns(3, 100) > 0 && join_ns(100) > 0 && hand_over_ns(100, 3) > 0 && generator_ns(100) > 0", 1, 1),
    ("call_on_base_ns(100) > 0 && call_on_base_ns(0) == -1", 1, 1),
    # A text that has no room for all lines has whole ones.
    ("all_wait(memory, 60) == 4 && strcmp(memory, \"thread 1 receives from the questions\\n\") == 0", 1, 1),
    ("all_wait(memory, 0) == 4 && memory[0] == 0", 1, 1),
    ("all_wait(memory, 150) == 4 && strlen(memory) == 37 + 35 + 24 + 19", 1, 1),
]

WALK = Walk(["switch_stack"], {"first_task", "thread_entry"}, begins={"thread_entry"})

# ---------------------------------------------------------------- what stands under its cells

RUNTIME_LOADED = loaded(r"09-results-and-channels\.c")
PRIMES = "2 3 5 7 11 13 17 19 23 29 31 37 41 43 47 53 59 61 67 71 73 79 83 89 97"


def lines(text):
    return "".join(f"{line}\n" for line in text)


OUTPUTS = {
    "channels-start": READY,
    "given-load": RUNTIME_LOADED,
    "given-closure": [r"^struct task \{", r"^static int64_t first_task\(void \*environment\)", r"WITH\(struct task, yields\)"],
    "given-run": r"\A" + "\n".join(line.replace(".", r"\.") for line in SEVEN_LINES) + r"\n\Z",
    "record-load": RUNTIME_LOADED,
    "given-copy": [r"^static int64_t outer_task\(", r"memcpy\(copy, environment, size\)"],
    "given-stack-source": loaded("cell given"),
    "given-stack": [loaded("cell given"), r"(?s)\bto\b.*\bfrom\b.*thread_entry"],
    "record-run": r"\A1 \+ … \+ 100 = 5050\n1 \+ … \+ 1,000,000 = 500000500000\n\Z",
    "result-await": [r"^static void park_for\(", r"^static void await\(", r"^static void t_return\("],
    "result-run": [r"^static int64_t sum\(", r"^1 \+ … \+ 1,000: 500500\n1 \+ … \+ 3: +6$"],
    "result-circle": [r"^static bool in_a_circle\(", r"^static int64_t number_of\("],
    "result-misuses": r"\A" + "\n".join(MISUSES).replace(".", r"\.") + r"\n\Z",
    "result-never": r"^`join_for_ever` was ended at its time limit",
    "wait-run": r"\A4 wait for ever:\n" + "\n".join(ALL_WAIT) + r"\n\Z",
    "give-source": [r"^static void hanoi_moves\(", r"give_stack\(&me->sp, &asker->sp\);", r"^static struct thread \*hand_over\("],
    "give-ask": [r"^struct question \{", r"^static void ask\("],
    "give-stream": r"\A3 discs: +1→3 1→2 3→2 1→3 2→1 2→3 1→3\n10 discs: +1023 moves, 346 of them from peg 1\n\Z",
    "give-lazy": r"\A1→2 1→3 2→3 1→2 3→1 3→2 1→2\n\Z",
    "channel-source": [r"^struct waiter \{", r"^static int wait_in\(", r"^static int send_to\("],
    "channel-trace": [r"^3 threads, 7 switches", r"^2 +thread 1 +thread 2 +waiting$", r"^6 +thread 1 +thread 2 +finished$"],
    "channel-table": r"^ +0 +15\n +1 +11\n +3 +7\n +6 +5\n +12 +3$",
    "channel-crowd": [r"^ +1000 +100000 +5000050000 +1002 +0$", r"^ +10000 +100000 +5000050000 +\d{4,5} +0$"],
    "upcall-source": [r"^static int64_t call_on_base\(", r"^static _Noreturn void make_call\("],
    "upcall-where": r"\Aon a thread's stack: 10\n\Z",
    "upcall-java": r"\A1² \+ … \+ 10² = 385; on this thread: \[true\]\n\Z",
    "errno-source": r"^static struct thread \*hand_on_to\(",
    "errno-run": r"^ +1 +1 +2\n +2 +2 +2$",
    "errno-shared": loaded("cell shared"),
    "errno-cost": [loaded("cell shared"), r"^a yield: [\d.]+ ns, without an errno of its own [\d.]+ ns$"],
    "prices-chart": [r"^a yield, two threads +[\d.]+ ns", r"^virtual threads: a SynchronousQueue +[\d,.]+ ns"],
    "experiment-capacity": r"^3 threads, 3 switches",
    "experiment-sieve": loaded("cell sieve"),
    "experiment-sieve-run": [loaded("cell sieve"), rf"^{PRIMES} \n25 threads$"],
    "exercise-1-struct": r"^struct order \{",
    "exercise-2-source": [r"^struct lock \{", r"^static void stand_in\(", r"^static struct waiter \*first_of\("],
    "exercise-3-source": [
        r"^static void serve_waiter\(", r"^static int close_channel\(", r"^static int receive_from\(", r"^static void step_out\("
    ],
}

EXPLAINED = {"int8_t": ("exercise-1-about", r"`int8_t` is a whole number of one byte")}

# ---------------------------------------------------------------- the changes that it suggests

SAYS = {
    ("given-run", "1"): r"THREAD 1 FINISHED\.\n\.\.\.like this!",
    ("experiment-sieve-run", "10"): r"2 3 5 7 \n4 threads",
    ("experiment-sieve-run", "1_000"): r" 997 \n168 threads",
    ("give-lazy", "2"): r"\A1→2 1→3 2→3\n",
}

FAILS = {("give-lazy", "500"): r"it is too large for a thread's stack"}

# ---------------------------------------------------------------- answers to its exercises

# 09.1: an order for a thread

AT = "ToLongFunction<String> at = name -> layout.byteOffset(MemoryLayout.PathElement.groupElement(name));\n    "
EXPRESS = 'struct.set(ValueLayout.JAVA_BYTE, at.applyAsLong("express"), (byte) (order.express() ? 1 : 0));'
PIECES = 'struct.set(ValueLayout.JAVA_INT, at.applyAsLong("pieces"), order.pieces());'
PRICE = 'struct.set(ValueLayout.JAVA_DOUBLE, at.applyAsLong("price"), order.price());'
CUSTOMER = 'struct.set(ValueLayout.JAVA_LONG, at.applyAsLong("customer"), order.customer());'

right("09.1", {
    EXPRESS: "struct.set(ValueLayout.JAVA_BOOLEAN, 0, order.express());",
    PIECES: "struct.set(ValueLayout.JAVA_INT, 4, order.pieces());",
    PRICE: "struct.set(ValueLayout.JAVA_DOUBLE, 8, order.price());",
    CUSTOMER: "struct.set(ValueLayout.JAVA_LONG, 16, order.customer());",
    AT: "",
})
right("09.1", {
    AT: "",
    EXPRESS: 'layout.varHandle(MemoryLayout.PathElement.groupElement("express")).set(struct, 0L, (byte) (order.express() ? 1 : 0));',
    PIECES: 'layout.varHandle(MemoryLayout.PathElement.groupElement("pieces")).set(struct, 0L, order.pieces());',
    PRICE: 'layout.varHandle(MemoryLayout.PathElement.groupElement("price")).set(struct, 0L, order.price());',
    CUSTOMER: 'layout.varHandle(MemoryLayout.PathElement.groupElement("customer")).set(struct, 0L, order.customer());',
})
right("09.1", {
    AT: "",
    EXPRESS: "java.nio.ByteBuffer bytes = struct.asByteBuffer().order(java.nio.ByteOrder.nativeOrder());\n"
             "    bytes.put(0, order.express() ? (byte) 1 : 0).putInt(4, order.pieces());",
    PIECES: "",
    PRICE: "bytes.putDouble(8, order.price());",
    CUSTOMER: "bytes.putLong(16, order.customer());",
})
wrong("09.1", "nothing has been written there", {EXPRESS: ""})
wrong("09.1", "did not come back within 5 seconds", {"    return struct;": "    while (!Thread.interrupted()) {\n    }\n    return struct;"})
wrong("09.1", "the wrong way round: 1 for true", {EXPRESS: EXPRESS.replace("1 : 0", "0 : 1")})
wrong("09.1", "nothing has been written there", {PIECES: ""})
wrong("09.1", "in the gap before it|a multiple of four", {PIECES: "struct.set(ValueLayout.JAVA_INT, 1, order.pieces());"})
wrong("09.1", "in the gap before it", {PIECES: "struct.set(ValueLayout.JAVA_INT_UNALIGNED, 3, order.pieces());"})
wrong("09.1", "the wrong way round", {
    PIECES: 'struct.set(ValueLayout.JAVA_INT.withOrder(java.nio.ByteOrder.BIG_ENDIAN), at.applyAsLong("pieces"), order.pieces());'})
wrong("09.1", "a double takes eight bytes", {PRICE: 'struct.set(ValueLayout.JAVA_FLOAT, at.applyAsLong("price"), (float) order.price());'})
wrong("09.1", "the bits of a long are no double", {PRICE: 'struct.set(ValueLayout.JAVA_LONG, at.applyAsLong("price"), (long) order.price());'})
wrong("09.1", "the customer stands where the price should", {CUSTOMER: CUSTOMER.replace('"customer"', '"price"')})
wrong("09.1", "the upper half is lost", {
    CUSTOMER: 'struct.set(ValueLayout.JAVA_INT, at.applyAsLong("customer"), (int) order.customer());'})
wrong("09.1", "writes behind the struct", {CUSTOMER: "struct.set(ValueLayout.JAVA_LONG, 24, order.customer());"})
wrong("09.1", "an arena that is closed takes its memory along", {
    AT: "try (Arena arena = Arena.ofConfined()) {\n        struct = arena.allocate(layout);\n    }\n    if (true) return struct;\n    " + AT})
wrong("09.1", "memory of 24 bytes memory of 8 bytes too small", {"    return struct;": "    return struct.asSlice(0, 8);"})

right("09.1", {  # each word put together from its parts
    AT: "",
    EXPRESS: "struct.setAtIndex(ValueLayout.JAVA_LONG, 0, (long) order.pieces() << 32 | (order.express() ? 1 : 0));",
    PIECES: "",
    PRICE: "struct.setAtIndex(ValueLayout.JAVA_LONG, 1, Double.doubleToRawLongBits(order.price()));",
    CUSTOMER: "struct.setAtIndex(ValueLayout.JAVA_LONG, 2, order.customer());",
})
wrong("09.1", "the upper bytes are lost", {
    PIECES: 'struct.set(ValueLayout.JAVA_BYTE, at.applyAsLong("pieces"), (byte) order.pieces());'})
wrong("09.1", "the upper bytes are lost", {
    PIECES: 'struct.set(ValueLayout.JAVA_SHORT, at.applyAsLong("pieces"), (short) order.pieces());'})
wrong("09.1", "it went through a float", {PRICE: PRICE.replace("order.price()", "(float) order.price()")})
wrong("09.1", "behind the point is lost", {PRICE: PRICE.replace("order.price()", "Math.round(order.price())")})
wrong("09.1", "a larger value beside it was written over it", {
    EXPRESS: "", CUSTOMER: CUSTOMER + "\n    struct.set(ValueLayout.JAVA_LONG, 0, order.express() ? 1 : 0);"})
wrong("09.1", "true is 1 in the struct, and not -1", {EXPRESS: EXPRESS.replace("1 : 0", "-1 : 0")})
wrong("09.1", "price 4321419.625 4.92588876227E-312 the bytes are the wrong way round.* customer .* the bytes are the wrong way round", {
    AT: "",
    EXPRESS: "struct.asByteBuffer().put((byte) (order.express() ? 1 : 0)).position(4).putInt(order.pieces())"
             ".putDouble(order.price()).putLong(order.customer());",
    PIECES: "", PRICE: "", CUSTOMER: ""})
wrong("09.1", "memory of its own", {
    "MemorySegment inMemory(Order order) {\n    StructLayout layout = lib.layout(\"order\");\n"
    "    MemorySegment struct = Arena.ofAuto().allocate(layout);\n":
    "StructLayout layout = lib.layout(\"order\");\nMemorySegment struct = Arena.ofAuto().allocate(layout);\n"
    "MemorySegment inMemory(Order order) {\n"})
# Told once for each order, and not for each member.
wrong("09.1", r"2 of 2 points differ.*: the struct memory of 24 bytes null return the struct", {
    "    return struct;": "    return null;"})

# 09.2: a lock to wait on

TAKE = "    if (!l->taken) {\n        l->taken = true;\n        return;\n    }\n"
WAIT = "    stand_in(&l->waiting, &me);\n    park();\n"
FIRST = "    struct waiter *w = first_of(&l->waiting);\n"
PASS = "    if (w != NULL)\n        wake(w->thread);\n    else\n        l->taken = false;\n"
ME = "    struct waiter me;\n\n"

right("09.2", {TAKE: "", WAIT: "    if (l->taken) {\n        stand_in(&l->waiting, &me);\n        park();\n    }\n    l->taken = true;\n"})
right("09.2", {PASS: "    l->taken = w != NULL;\n    if (w != NULL)\n        go_on(w->thread, running);\n", "        wake(w->thread);\n": ""})
right("09.2", {
    WAIT: "    stand_in(&l->waiting, &me);\n    while (!me.served)\n        park();\n",
    PASS: "    l->taken = w != NULL;\n    if (w == NULL)\n        return;\n    w->served = true;\n    wake(w->thread);\n",
})
right("09.2", {WAIT: "    stand_in(&l->waiting, &me);\n    park_for(PARKED, NULL);\n"})
wrong("09.2", "nobody is kept out", {TAKE: "", ME: "    (void)l;\n", WAIT: "", FIRST: "", PASS: "    (void)l;\n"})
wrong("09.2", "takes turns|turns that led to nothing|somebody is never woken|others come in between",
      {ME: "", TAKE: "", WAIT: "    while (l->taken)\n        yield_thread();\n    l->taken = true;\n"})
wrong("09.2", "somebody is never woken", {FIRST: "", PASS: "    l->taken = false;\n"})
wrong("09.2", "got in again at once|others come in between|two were inside", {
    TAKE: "", WAIT: "    while (l->taken) {\n        stand_in(&l->waiting, &me);\n        park();\n    }\n    l->taken = true;\n",
    PASS: "    l->taken = false;\n    if (w != NULL)\n        wake(w->thread);\n"})
wrong("09.2", "two were inside", {PASS: "    l->taken = false;\n    if (w != NULL)\n        wake(w->thread);\n"})
wrong("09.2", "somebody is never woken|nobody got in", {TAKE: ""})
wrong("09.2", "two were inside|nobody is kept out", {
    FIRST: "    struct waiter *w;\n", PASS: "    while ((w = first_of(&l->waiting)) != NULL)\n        wake(w->thread);\n    l->taken = false;\n"})
wrong("09.2", "somebody is never woken", {PASS: "    if (w == NULL)\n        l->taken = false;\n"})
wrong("09.2", "nobody is kept out", {TAKE: "    if (!l->taken)\n        return;\n"})
wrong("09.2", "turns that led to nothing", {PASS: PASS + "    yield_thread();\n"})
wrong("09.2", "it never ends", {TAKE: "    while (l->taken)\n        ;\n" + TAKE})
wrong("09.2", "can be taken again|somebody is never woken|nobody got in", {"        l->taken = false;\n": "        ;\n"})

right("09.2", {  # on the heap; and a helper of its own
    ME: "", WAIT: "    struct waiter *me = malloc(sizeof *me);\n    stand_in(&l->waiting, me);\n    park();\n    free(me);\n"})
right("09.2", {
    "static void acquire": "static void wait_for(struct lock *l) {\n    struct waiter me;\n    stand_in(&l->waiting, &me);\n"
                           "    park();\n}\n\nstatic void acquire",
    ME: "", WAIT: "    wait_for(l);\n"})
wrong("09.2", "must not wait again because it is taken", {WAIT: "    stand_in(&l->waiting, &me);\n    while (l->taken)\n        park();\n"})
wrong("09.2", "found nobody in the queue", {ME: "", WAIT: "    park();\n"})
wrong("09.2", "found nobody in the queue", {WAIT: "    park();\n    stand_in(&l->waiting, &me);\n"})
wrong("09.2", "still counts them as waiting", {"        wake(w->thread);\n": "        join_ring(w->thread, running->current);\n"})
wrong("09.2", "first_of returns NULL where nobody waits", {
    FIRST: "", PASS: "    if (first_of(&l->waiting) != NULL)\n        wake(first_of(&l->waiting)->thread);\n    else\n        l->taken = false;\n"})
wrong("09.2", "first_of returns NULL where nobody waits", {PASS: "    wake(w->thread);\n    l->taken = l->waiting.first != NULL;\n"})
wrong("09.2", "two stand in it with one struct waiter", {ME: "    static struct waiter me;\n\n"})
wrong("09.2", "with three it is right, with five not", {
    ME: "    static struct waiter all[2];\n    static int n;\n", WAIT: "    stand_in(&l->waiting, &all[n++ % 2]);\n    park();\n"})
wrong("09.2", "in no variable outside", {
    "static void acquire": "static bool taken;\n\nstatic void acquire",
    TAKE: TAKE.replace("l->taken", "taken"), "        l->taken = false;\n": "        taken = false;\n"})
wrong("09.2", "ended its process, by exit", {PASS: PASS + "    exit(0);\n"})

# 09.3: whichever comes first

LOOK = "            if (has_value(channels[i]) && receive_from(channels[i], value) == 1)\n                return i;\n"
OPEN = "            open += !channels[i]->closed;\n"
NONE = "        if (open == 0)\n            return -1;\n"
STAND = "            stand_in(&channels[i]->receivers, &mine[i]);\n"
STEP = "        for (int i = 0; i < count; i++)\n            step_out(&channels[i]->receivers, &mine[i]);\n"
SERVED = "            if (mine[i].served) {\n                *value = mine[i].value;\n                return i;\n            }\n"

right("09.3", {LOOK: "            if (has_value(channels[i])) {\n                receive_from(channels[i], value);\n                return i;\n            }\n"})
right("09.3", {OPEN: "            if (!channels[i]->closed)\n                open = 1;\n", NONE: "        if (!open)\n            return -1;\n"})
right("09.3", {
    SERVED: "            if (mine[i].served)\n                return *value = mine[i].value, i;\n",
    STAND: "            if (!channels[i]->closed)\n                stand_in(&channels[i]->receivers, &mine[i]);\n",
    "    struct waiter mine[MOST_CHANNELS];\n\n    for (;;) {\n": "    for (;;) {\n        struct waiter mine[MOST_CHANNELS] = {{.served = false}};\n",
})
wrong("09.3", "takes turns while it waits", source="""%%c whichever --from 09-results-and-channels
static int receive_any(struct channel **channels, int count, int64_t *value) {
    for (;;) {
        int open = 0;
        for (int i = 0; i < count; i++) {
            if (has_value(channels[i]) && receive_from(channels[i], value) == 1)
                return i;
            open += !channels[i]->closed;
        }
        if (open == 0)
            return -1;
        yield_thread();
    }
}""")
wrong("09.3", "a waiter was left behind|it crashed", {STEP: ""})
wrong("09.3", "-1 is for channels that are all closed|the channels were open", {NONE: "        return -1;\n"})
wrong("09.3", "a waiter for each channel|never came back|left behind|it never ends|it crashed", {STAND: "            stand_in(&channels[0]->receivers, &mine[i]);\n"})
wrong("09.3", "finds the value in its waiter", {"                *value = mine[i].value;\n": ""})
wrong("09.3", "is not the one of the queue|look at `served`", {
    "            if (mine[i].served) {\n": "            if (mine[i].value != 0) {\n", "                return i;\n            }\n": "                return 0;\n            }\n"})
wrong("09.3", "one channel that is closed is not all", {"            open += !channels[i]->closed;\n": "            if (channels[i]->closed)\n                return -1;\n            open++;\n"})
wrong("09.3", "it waits for ever|-1 is to be returned|it never ends", {NONE: ""})
wrong("09.3", "it waits although something is there|nothing was received yet", {LOOK: ""})
wrong("09.3", "it never came back", {"        for (int i = 0; i < count; i++)\n" + STAND: ""})
wrong("09.3", "it never ends|lets? others run", source="""%%c whichever --from 09-results-and-channels
static int receive_any(struct channel **channels, int count, int64_t *value) {
    for (int i = 0;; i = (i + 1) % count)
        if (has_value(channels[i]) && receive_from(channels[i], value) == 1)
            return i;
}""")
wrong("09.3", "channel 1 comes before channel 2|see the lines above|it waits although", source="""%%c whichever --from 09-results-and-channels
static int receive_any(struct channel **channels, int count, int64_t *value) {
    return receive_from(channels[count - 1], value) == 1 ? count - 1 : -1;
}""")

MINE = "    struct waiter mine[MOST_CHANNELS];\n"

right("09.3", {MINE: "    struct waiter mine[count];\n"})
right("09.3", {"        park();\n": "        park_for(RECEIVES, channels[0]);\n"})
right("09.3", {NONE: "        if (open == 0) {\n            *value = 0;\n            return -1;\n        }\n"})
# Of what a channel holds, and who else waits.
wrong("09.3", "and has_value says so", {"has_value(channels[i])": "channels[i]->senders.first != NULL"})
wrong("09.3", "may still hold values", {"            if (has_value": "            if (!channels[i]->closed && has_value"})
wrong("09.3", "may still hold values", {
    LOOK: "", NONE: NONE + "        for (int i = 0; i < count; i++)\n" + LOOK})
wrong("09.3", "`count` says how many channels there are", {
    "i < count": "i < CHANNELS", MINE: MINE + "    (void)count;\n"})
wrong("09.3", "`count` says how many channels there are", {MINE: "    struct waiter mine[CHANNELS];\n"})
wrong("09.3", "the first channel has the index 0", {"int i = 0": "int i = 1"})
wrong("09.3", "0 is a value as any other", {
    MINE: "    struct waiter mine[MOST_CHANNELS] = {{.value = 0}};\n",
    "            if (mine[i].served) {\n": "            if (mine[i].value != 0) {\n"})
wrong("09.3", "two at once do not", {MINE: "    static struct waiter mine[MOST_CHANNELS];\n"})
wrong("09.3", "from channel 2 105 0 a waiter was left behind", {
    STEP: "", "        for (int i = 0; i < count; i++)\n" + SERVED:
    "        for (int i = 0; i < count; i++) {\n            step_out(&channels[i]->receivers, &mine[i]);\n" + SERVED + "        }\n"})
wrong("09.3", "ended its process, by exit", {"        park();\n": "        exit(1);\n", LOOK: ""})
