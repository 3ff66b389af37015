"""What chapter 12 prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import NUMBER, READY, Walk, loaded, right, wrong

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

# ---------------------------------------------------------------- what stands under its cells

RUNTIME_LOADED = loaded(r"12-waiting\.c")
LISTED = {
    "sleep-source": ["sleep_in_the_system"],
    "clock-source": ["run", "look_outside"],
    "clock-heap": ["place_alarm", "sleep_until"],
    "cut-source": ["step_out", "cut_short", "deadline_in"],
    "socket-source": ["read_some", "wait_for_socket", "tell_socket"],
    "server-source": ["serve_connection", "accept_all"],
    "file-source": ["elsewhere", "help", "take_mail"],
    "machine-source": ["poll_task", "go_on_writing"],
}

OUTPUTS = {
    **{cell: [rf"^static [\w *]*\b{name}\(" for name in names] for cell, names in LISTED.items()},
    "waiting-start": READY,
    "sleep-load": RUNTIME_LOADED,
    "sleep-run": r"\Aall in all: ([6-9]\d\d|\d{4,}) ms\n\Z",
    "clock-run": r"\Athread 2 slept 100 ms\nthread 3 slept 200 ms\nthread 1 slept 300 ms\nall in all: ([3-9]\d\d|\d{4,}) ms\n\Z",
    "clock-many": [
        r"^woken: \d{5,6}, in the wrong order: 0, too early: 0$",
        r"^left in the queue: 0; the latest was late by \d+ ms$",
    ],
    "cut-run": r"\A" + "\n".join(IN_VAIN) + r"\n\Z",
    "socket-echo": [r"^static int64_t echo\(", r"^static int64_t serve_echo\(", r"^the server sent back: hello, echo$"],
    "server-run": r"\A\d{3,} ms for all\n20 requests over \d+ connections, \d+ green threads\n\Z",
    "live-timeline": [r"accepts", r"client 1", r"client 3", r"sleeps", r"waiting"],
    "file-run": r"\Aread 1000 bytes of a file\n\Z",
    "pressure-run": r"\A([5-9]\d\d|\d{4,}) ms\n10 requests, 3 green threads\n\Z",
    "futures-run": r"\Aslept 100 ms\nslept 200 ms\nslept 300 ms\nall in all: ([3-9]\d\d|\d{4,}) ms\n\Z",
    "measure-table": [
        rf"^ *the loop by hand +{NUMBER} +{NUMBER} +[23]\.\d\d +\d+ +\d+ +\d+$",
        rf"^ *green threads +{NUMBER} +{NUMBER} +[23]\.\d\d +\d+ +\d+ +\d+$",
        rf"^ *virtual threads +{NUMBER} +\d+ +\d+ +\d+$",
    ],
    "others-recorded": [
        r"^(Measured here|Recorded on another machine): a request",
        rf"^ *100 +green threads +{NUMBER} +{NUMBER} +1\.00 +[\d,]+$",
        rf"^ *1,000 +the loop by hand +{NUMBER} +{NUMBER} +\d\.\d\d +[\d,]+$",
        r"^ *100 +(the loop, through io_uring|Go, goroutines|JDK, virtual threads) ",
        rf"^ *1,000 +JDK, virtual threads +{NUMBER} +{NUMBER} +\d\.\d\d +[\d,]+$",
    ],
    "idle-table": [
        r"^ *the loop by hand +[\d,]{3,6} +[\d,]{3,6}$",
        r"^ *green threads +[\d,]{3,6} +[\d,]{4,6}$",
        r"^ *virtual threads +[\d,]{3,6} +[\d,]{3,6}$",
    ],
    "experiment-stay": r"\Ahttp://127\.0\.0\.1:\d+/\n\Z",
    "experiment-gone": r"\Anobody listens there any more\n\Z",
    "exercise-3-source": r"^struct echo_task \{",
}

EXPLAINED = {"ssize_t": ("socket-about", r"`ssize_t`: a number of bytes, or -1")}

# ---------------------------------------------------------------- the changes that it suggests

SAYS = {
    ("server-run", "1"): r"\A\d+ ms for all\n1 requests over 1 connections, 2 green threads\n\Z",
    ("server-run", "100"): r"\A\d+ ms for all\n100 requests over \d+ connections, \d+ green threads\n\Z",
    ("pressure-run", "1"): r"\A\d{4,} ms\n10 requests, 2 green threads\n\Z",
    ("pressure-run", "10"): r"\A\d+ ms\n10 requests, \d+ green threads\n\Z",
}

# ---------------------------------------------------------------- answers to its exercises

# 12.1: a wait with a limit of its own

HEAD_1 = "%%c within --from 12-waiting\nstatic int receive_within(struct channel *c, int64_t ns, int64_t *value) {\n"
SET = "    if (before == 0 || limit < before)\n        me->deadline = limit;\n"
RECEIVE = "    int status = receive_from(c, value);\n"
BACK = "    me->deadline = before;\n"

right("12.1", {SET: "    me->deadline = before != 0 && before < limit ? before : limit;\n"})
right("12.1", source=HEAD_1 + """    int64_t before = running->current->deadline, mine = deadline_in(ns);
    if (before != 0 && before < running->current->deadline)
        running->current->deadline = mine;
    int status = receive_from(c, value);
    running->current->deadline = mine;
    return status;
}""")
right("12.1", source=HEAD_1 + """    struct thread *me = running->current;
    int64_t limit = now_ns() + ns, before = me->deadline;
    if (before != 0 && before <= limit)
        return receive_from(c, value);
    me->deadline = limit;
    limit = receive_from(c, value);
    me->deadline = before;
    return (int)limit;
}""")
wrong("12.1", "it waits for ever: nobody set a deadline", source=HEAD_1 + "    (void)ns;\n    return receive_from(c, value);\n}")
wrong("12.1", "has a deadline now, and had none before", {BACK: ""})
wrong("12.1", "own deadline is gone", {BACK: "    me->deadline = 0;\n"})
wrong("12.1", "later than before: put back the time itself", {BACK: "    deadline_in(before);\n"})
wrong("12.1", "then the earlier one counts", {SET: "    me->deadline = limit;\n"})
wrong("12.1", "the earlier of the two counts|has to be earlier|waits for ever", {SET: "    if (before == 0)\n        me->deadline = limit;\n"})
wrong("12.1", "a deadline is a time of the clock", {"limit = now_ns() + ns": "limit = ns"})
wrong("12.1", "however the wait has ended", {BACK: "    if (status == TIMED_OUT)\n    " + BACK})
wrong("12.1", "each thread's own, in a local variable", {"int64_t before = me->deadline, limit": "static int64_t before;\n    before = me->deadline;\n    int64_t limit"})
wrong("12.1", "the wait is cancelled.*its time was not up", {"    return status;": "    return status == 1 || status == 0 ? status : TIMED_OUT;"})
wrong("12.1", "closed meanwhile.*nothing more to come", {"    return status;": "    return status == 0 ? TIMED_OUT : status;"})
wrong("12.1", "the value goes to where", source=HEAD_1 + """    (void)c;
    *value = 7;                            /* as the check said the last time */
    sleep_for(ns < 1000 * MS ? ns : 6 * MS);
    return ns < 1000 * MS ? TIMED_OUT : 1;
}""")
wrong("12.1", "the OS thread has waited, and all others", source=HEAD_1 + """    struct timespec t = {ns / 1000000000 % 2, ns % 1000000000};
    nanosleep(&t, NULL);
    return c->senders.first == NULL ? TIMED_OUT : receive_from(c, value);
}""")
wrong("12.1", r"and 14 more.*or never ends", source=HEAD_1 + "    (void)c, (void)ns, (void)value;\n    for (;;)\n        ;\n}")
wrong("12.1", r"SIGSEGV.*it crashed, or ended its process: running->current", source=HEAD_1 + "    struct thread *me = NULL;\n    me->deadline = ns;\n    return receive_from(c, value);\n}")
wrong("12.1", "20 ms have long been over", {"now_ns() + ns": "now_ns() + ns * MS"})
right("12.1", {"    if (before == 0 || limit < before)\n        me->deadline = limit;\n": "    deadline_in(ns);\n    if (before != 0 && before < limit)\n        me->deadline = before;\n"})
wrong("12.1", "did not wait for 20 ms: ns is in nanoseconds", {"now_ns() + ns": "now_ns() + ns / 1000"})
wrong("12.1", "return what receive_from returns", {"    return status;": "    return status < 0 ? 0 : status;"})
wrong("12.1", "the value goes to where the caller wants it", {RECEIVE: "    int64_t got;\n    (void)value;\n    int status = receive_from(c, &got);\n"})
wrong("12.1", "something is there: receive first", {RECEIVE: "    sleep_until(limit);\n" + RECEIVE})
wrong("12.1", "takes turns while it waits", source=HEAD_1 + """    struct thread *me = running->current;
    int64_t before = me->deadline, limit = now_ns() + ns, end = before == 0 || limit < before ? limit : before;
    while (c->count == 0 && c->senders.first == NULL && !c->closed) {
        if (now_ns() >= end)
            return TIMED_OUT;
        yield_thread();
    }
    return receive_from(c, value);
}""")

# 12.2: out of the middle

LOOK = "        if (times[place] < times[place / 2])\n"
UP = "    for (; place > 1 && last < times[place / 2]; place /= 2)\n        times[place] = times[place / 2];\n"
EARLIER = "        if (below < count && times[below + 1] < times[below])\n            below++;\n"
STOP = "        if (last <= times[below])\n            break;\n"
LAY = "    times[place] = last;\n"

right("12.2", {LOOK: "        if (times[place / 2] > times[place])\n"})
right("12.2", {
    "    for (int place = 2; place <= count; place++)\n" + LOOK: "    for (int i = 1; 2 * i <= count; i++)\n"
    "        if (times[2 * i] < times[i] || (2 * i < count && times[2 * i + 1] < times[i]))\n"})
right("12.2", {STOP: "        if (times[below] > last)\n            break;\n", "times[count--];\n": "times[count];\n\n    if (place == count--)\n        return;\n"})
wrong("12.2", "it refuses all of them", {"    return true;": "    return false;"})
wrong("12.2", "it accepts all of them", {LOOK: "        if (times[place] < 0)\n"})
wrong("12.2", "a heap is half in order only", {LOOK: "        if (times[place] < times[place - 1])\n"})
wrong("12.2", "may stand in either order", {LOOK: "        if (times[place] <= times[place / 2])\n"})
wrong("12.2", "looks behind the row", {"place <= count; place++": "place <= count + 1; place++"})
wrong("12.2", "does not look at each place", {"place <= count; place++": "place <= count; place += 2"})
wrong("12.2", "the last place is not looked at", {"place <= count; place++": "place < count; place++"})
wrong("12.2", "Then it has to go up", {UP: ""})
wrong("12.2", "go down as long as one below", {
    "    for (int below; (below = 2 * place) <= count; place = below) {\n" + EARLIER + STOP + "        times[place] = times[below];\n    }\n": ""})
wrong("12.2", "the earlier of the two below", {EARLIER: ""})
wrong("12.2", "has to go, and the places", {"    int64_t last = times[count--];\n": "    int64_t last = times[count];\n    place = count--;\n"})
wrong("12.2", "another one has gone|has to go, and the places", {LAY: ""})
wrong("12.2", "place 0 and what is behind the row", {LAY: LAY + "    times[0] = times[count + 2] = 0;\n"})
wrong("12.2", "and not only with place 1", {LOOK: "        if (times[place] < times[1])\n"})
wrong("12.2", "place 1 is the first, and above it is none", {"int place = 2; place": "int place = 1; place"})
wrong("12.2", "place 0 and what is behind|a loop in it goes round|another one has gone", {"place > 1 &&": "place > 0 &&"})
wrong("12.2", "only one is below", {"(below = 2 * place) <= count": "(below = 2 * place) < count"})
wrong("12.2", "as long as that is so", {UP: "    if (place > 1 && last < times[place / 2]) {\n        times[place] = times[place / 2];\n        place /= 2;\n    }\n"})
wrong("12.2", "the earlier of the two below", {"times[below + 1] < times[below]": "times[below + 1] > times[below]"})
wrong("12.2", "an int64_t", {"int64_t last": "int last"})
wrong("12.2", "take_out crashed", {LAY: "    times[count * 100000000L] = last;\n"})
wrong("12.2", "only one way through it is walked", {
    UP: "    times[place] = last;\n    for (int i = count / 2; i >= 1; i--)\n        for (int at = i, below; (below = 2 * at) <= count; at = below) {\n"
        "            below += below < count && times[below + 1] < times[below];\n            if (times[at] <= times[below])\n                break;\n"
        "            last = times[at];\n            times[at] = times[below];\n            times[below] = last;\n        }\n    return;\n"})
wrong("12.2", "another one has gone", {UP: "    for (; place > 1; place /= 2)\n        times[place] = times[place / 2];\n"})
wrong("12.2", "only one way through it is walked", {
    UP: "    times[place] = last;\n    for (int i = 2; i <= count; i++) {\n        int64_t mine = times[i];\n        int at = i;\n"
        "        for (; at > 1 && times[at - 1] > mine; at--)\n            times[at] = times[at - 1];\n        times[at] = mine;\n    }\n"
        "    return;\n"})
wrong("12.2", "a loop in it goes round", {"place /= 2)": ")"})

# 12.3: the machine, by hand

HEAD_3 = "%%c poll --from 12-waiting\nstatic enum progress poll_echo(struct echo_task *t) {\n"
READ = "            ssize_t got = recv(t->fd, t->bytes, sizeof t->bytes, 0);\n"
NONE = "                return got < 0 && was_in_vain(errno) ? PENDING : DONE;\n"
FULL = "            return was_in_vain(errno) ? PENDING : DONE;\n"
ADD = "        t->written += (size_t)sent;\n"

right("12.3", {"t->written == t->size": "t->size - t->written == 0"})
right("12.3", {NONE: "                return got == 0 || !was_in_vain(errno);\n", FULL: "            return !was_in_vain(errno);\n"})
right("12.3", source=HEAD_3 + """    ssize_t n;
    do {
        while (t->written < t->size) {
            n = send(t->fd, t->bytes + t->written, t->size - t->written, SEND_FLAGS);
            if (n < 0)
                return was_in_vain(errno) ? PENDING : DONE;
            t->written += (size_t)n;
        }
        n = recv(t->fd, t->bytes, sizeof t->bytes, 0);
        t->written = 0;
        t->size = n > 0 ? (size_t)n : 0;
    } while (n > 0);
    return n < 0 && was_in_vain(errno) ? PENDING : DONE;
}""")
wrong("12.3", "it is not over", {NONE: "                return DONE;\n"})
wrong("12.3", "recv says 0, and that is the end", {NONE: "                return PENDING;\n"})
wrong("12.3", "that is not the end", {FULL: "            return DONE;\n"})
wrong("12.3", "nobody is there. That is the end", {FULL: "            return PENDING;\n"})
wrong("12.3", "waits in a loop", {NONE: "                continue;\n", "            if (got <= 0)\n": "            if (got < 0 && was_in_vain(errno))\n"})
wrong("12.3", "an error other than EAGAIN stays", {FULL: "            continue;\n"})
wrong("12.3", "when send says that it was in vain, return PENDING", {FULL: "        {\n            if (was_in_vain(errno))\n                continue;\n            return DONE;\n        }\n"})
wrong("12.3", "bytes were lost, or came twice", {ADD: "        t->written = t->size;\n"})
wrong("12.3", "bytes were lost, or came twice", {"t->bytes + t->written, t->size - t->written": "t->bytes, t->size"})
wrong("12.3", "it stopped although more was there", {ADD: ADD + "        if (t->written == t->size)\n            return PENDING;\n"})
wrong("12.3", "closes the socket when it is DONE", {NONE: NONE.replace("return got < 0 && was_in_vain(errno) ? PENDING : DONE;", "return got < 0 && was_in_vain(errno) ? PENDING : (close(t->fd), DONE);")})
wrong("12.3", "opens something and never closes it", {"    for (;;) {\n": "    if (dup(t->fd) < 0)\n        return DONE;\n    for (;;) {\n"})
wrong("12.3", "SIGPIPE, unless send is told not to", {"SEND_FLAGS": "0"})
wrong("12.3", "t->bytes has room for", {"sizeof t->bytes, 0": "20000, 0"})
wrong("12.3", "as it is", {"            t->written = 0;\n": "            t->written = 0;\n            t->bytes[0] ^= 1;\n"})
wrong("12.3", "PENDING or DONE", {NONE: "                return got < 0 && was_in_vain(errno) ? 2 : DONE;\n"})
wrong("12.3", "has not gone back yet: it is over when both", {FULL: """        {
            char next;                     /* will more come? */
            return !was_in_vain(errno) || recv(t->fd, &next, 1, MSG_PEEK) == 0 ? DONE : PENDING;
        }
"""})
right("12.3", {"sizeof t->bytes, 0": "8, 0"})
wrong("12.3", "nothing came back", {ADD: ADD, READ: READ, "        ssize_t sent = send(t->fd, t->bytes + t->written, t->size - t->written, SEND_FLAGS);\n": "        ssize_t sent = (ssize_t)t->size;\n"})
wrong("12.3", "bytes were lost, or came twice, or went to the other task", {
    "    for (;;) {\n": "    static struct echo_task one;\n    one.fd = t->fd;\n    t = &one;\n    for (;;) {\n"})
wrong("12.3", "bytes were lost, or came twice", source=HEAD_3 + """    char bytes[64];
    ssize_t got;
    while ((got = recv(t->fd, bytes, sizeof bytes, 0)) > 0)
        if (send(t->fd, bytes, (size_t)got, SEND_FLAGS) < 0)
            return was_in_vain(errno) ? PENDING : DONE;
    return got < 0 && was_in_vain(errno) ? PENDING : DONE;
}""")
