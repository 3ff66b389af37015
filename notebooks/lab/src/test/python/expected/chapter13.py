"""What chapter 13 prints, and what its readers will try: expected/__init__.py says what each name means."""

from expected import NUMBER, READY, THE_29_LINES, loaded, right, wrong

LINES = "\n".join(THE_29_LINES)
# What a JVM may say of its end, when two upcalls have taken turns.
CRASHED = (
    r"(SIG[A-Z]+|guarantee\(.*?\)|assert\(.*?\)|ShouldNotReachHere\(\)|Internal Error|StackOverflowError"
    r"|[^|\n]*failed[^|\n]*)"
)
ENDED = rf"({CRASHED}|its time limit)"  # a walk may also go round in a circle
RATIO = r"(takes [\d.,]+ times as long as|cannot be told apart here)"


def rows(*names):
    """A measurement's caption, and a row for each of these."""
    return [r"Medians of \d+ rounds", *[rf"^{name} +[\d.,]+ +[\d.,]+ +[\d.,]+$" for name in names]]


# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
    "loom-start": READY,
    "hand-run": rf"\A{LINES}\n\Z",
    "runtime-run": rf"\A{LINES}\n\Z",
    "runtime-resume": [r"^static void resume\(", r"^private void resume\("],
    "runtime-run-source": [r"^static inline void run\(", r"^int run\("],
    "runtime-ring": [r"^static struct thread \*leave_ring\(", r"^private GreenThread leaveRing\("],
    "runtime-entry": [r"^static _Noreturn void thread_entry\(", r"^private void threadEntry\(", r"^private void tReturn\("],
    "timeline-record": r"\A\Z",
    "timeline-compare": [
        loaded(r"07-the-runtime-in-200-lines\.c").removesuffix("$"),
        r"^in C: 28 switches; in Java: 28; all the same$",
        r"^22 +thread 1 +thread 2 +finished$",
        r"^28 +thread 2 +base thread +finished$",
    ],
    "copied-measure": [
        *rows("1 frame, stays", "1 frame, comes up", "1,000 frames, stays", "300 frames, comes up", "100 frames, calls only"),
        r"^1,000 frames, stays.*" + RATIO,
        r"^100 frames, stays.*" + RATIO,
        r"^300 frames, comes up.*" + RATIO,
    ],
    "copied-bytes-table": [rf"^ +{frames} +1,0\d\d +[\d,]+$" for frames in ("1", "10", "100", "300", "1,000")],
    "frames-load": [
        loaded(r"13-from-here-to-loom\.c").removesuffix("$"), r"^static int64_t call_here\(", r"^void yield_thread\(",
        r"^static long second\(\)", r"^static void lookFor\(",
    ],
    "frames-trace": r"\Afirst ← home\nsecond ← first ← home\nfirst ← home\n",
    "frames-log": [r"^error +(SIG[A-Z]+|\S.*)$", r"^in the function +\S", r'^of the JVM\'s thread +\w+ "', r"^frames of Java found +\d+"],
    "frames-keep-source": r"^static long keep\(long number\)",
    "frames-keep": [rf"^G1 +\d+ +\d+ +{CRASHED}", r"^Serial +\d+ +\d+ +\S"],
    "frames-own": [rf"^G1 +\d+ +\d+ +{ENDED}", rf"^Serial +\d+ +\d+ +{ENDED}"],
    "frames-holds": [r"^G1 +300000 +0 +nothing: it came home", r"^Serial +300000 +0 +nothing: it came home"],
    "frames-wait-source": r"^static void collectBeside\(",
    "frames-wait": [r"^ordinary +\d+ +\d+$", r"^critical +\d+ +\d+$"],
    "mount-run": r"\A(VirtualThread\[#\d+,traveller\]/runnable@ForkJoinPool-\d+-worker-\d+\n){3}\Z",
    "pinned-run": [r"^plainly: +\d+ ms$", r"^holding a lock: +\d+ ms$", r"^called by qsort: +\d+ ms$"],
    "pinned-event": r"^pinned for \d+ ms in LockSupport\.park: Native or VM frame on stack$",
    "pinned-green": r"\Athread 1: Pinned: NATIVE\nthread 2 has its turn all the same\n\Z",
    "read-sockets": [
        *[rf"^client {n} +WAITING +nobody +sun\.nio\.ch\.\S+" for n in (1, 2, 3)],
        r"^(Master-?Poller|Read-Poller\S*) +RUNNABLE +is an OS thread +\S+",
    ],
    "read-files": [
        *[rf"^reader {n} +RUNNABLE +ForkJoinPool-\d+-worker-\d+ +java\.io\.FileInputStream\.read\w+" for n in (1, 2, 3, 4)],
        r"^carriers: \d+, wanted: 2$",
    ],
    # On a JDK that makes its virtual threads in another way, what needs that is left out, by name.
    "own-make": r"\A(JDK (?!25)\d+ has no place for a scheduler here: .+\n)?\Z",
    "own-run": [
        rf"^(29 lines in 27 turns: \[{', '.join(THE_29_LINES)}\]|left out: the 29 lines under a scheduler of our own)$",
        r"^(carried by (\S+):\nVirtualThread\[#\d+\]/runnable@\2\nVirtualThread\[#\d+\]/runnable@\2|left out: .*)$",
    ],
    "own-experiment": r"\A(THREAD 1 FINISHED, after 22 other lines\nTHREAD 2 FINISHED, after 28 other lines|left out: .*)\n\Z",
    "prices-seven": loaded(r"07-the-runtime-in-200-lines\.c"),
    "prices-measure": [
        *rows("a turn: chapter 07, in C", "a turn: Continuation alone", "a turn: GreenThreads", "a turn: virtual threads", "a life: chapter 07, in C", "a life: Continuation alone", "a life: GreenThreads", "a life: virtual threads"),
        r"^a turn: GreenThreads.*" + RATIO,
        r"^a turn: Continuation alone.*" + RATIO,
        r"^a life: Continuation alone.*" + RATIO,
    ],
    "course-picture": [r"^a thread's stack$", r"^  the switch +03, 05, 08, 11$"],
}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

PROGRAM = [
    "thread 1, time 1",
    "thread 2, time 1",
    "thread 1, time 2",
    "thread 2, time 2",
    "sum: 30",
    "by the base thread, on their stacks: 0",
    "turns: 2000",
]

FACTS = [
    ("call_where_they_stand(yield_and_double, 0)", 6, 6),
    ("call_where_they_stand(yield_and_double, 1)", 6, 6),
    ("call_by_the_base_thread(yield_and_double, 100000)", 600000, 600000),
    ("whole_schedule(1000000)", 2000000, 2000000),
    ("whole_schedule(0) + call_by_the_base_thread(yield_and_double, 0)", 0, 0),
    ("(yield_thread(), 7)", 7, 7),
]

# ---------------------------------------------------------------- the changes that it suggests

SAYS = {
    ("frames-trace", "1"): r"\Afirst ← home\n",
    ("frames-trace", "3"): r"\Afirst ← home\nsecond ← first ← home\nfirst ← home\nsecond ← first ← home\nfirst ← home\n",
    ("frames-wait", '"Serial"'): r"\nordinary +\d+ +\d+\n",
    ("frames-wait", '"Z"'): r"\nordinary +\d+ +\d+\n",
    ("frames-own", "1"): rf"\nG1 +\d+ +\d+ +{ENDED}",
    ("own-experiment", "true"): r"\A(THREAD 2 FINISHED, after 16 other lines\nTHREAD 1 FINISHED, after 28 other lines|left out: .*)\n\Z",
}

WORDS = [
    ("swap", "Java frames cannot be swapped", "to exchange the stack under them, as chapter 03 did"),
    ("guard", "guard zones", "HotSpot's own term"),
]

# ---------------------------------------------------------------- answers to its exercises

# 13.1: a generator in Java

RUN = "if (!there && !frames.isDone()) frames.run();"
ASK = "if (!hasNext()) throw new NoSuchElementException();"
OWN = 'final ContinuationScope own = new ContinuationScope("generator");'
TAKE = "there = false;\n            return value;"

right("13.1", {RUN: "while (!there && !frames.isDone()) frames.run();"})
right("13.1", {"return there;": "return there || !frames.isDone();"})
right("13.1", {"value = given;\n            there = true;": "there = true;\n            value = given;"})
wrong("13.1", "it gives nothing", {RUN: ""})
wrong("13.1", "one value and no more", {"!there && !frames.isDone()": "value == null && !frames.isDone()"})
wrong("13.1", "values twice", {RUN: "", "return there;": "return !frames.isDone();", TAKE: "frames.run();\n            return value;"})
wrong("13.1", "all were worked out in advance",
      source="<T> Iterator<T> generate(Consumer<Consumer<T>> body) {\n"
             "    List<T> all = new ArrayList<>();\n    body.accept(all::add);\n    return all.iterator();\n}")
wrong("13.1", "one value ahead", {TAKE: "T taken = value;\n            there = false;\n            hasNext();\n            return taken;"})
wrong("13.1", "before anybody asks", {"        boolean there;\n": "        boolean there;\n        { frames.run(); }\n"})
wrong("13.1", "values are lost", {"!there && !frames.isDone()": "!frames.isDone()"})
wrong("13.1", "must not rely on a hasNext", {"!hasNext()": "!there"})
wrong("13.1", "isDone says so", {"!there && !frames.isDone()": "!there"})
wrong("13.1", "a boolean beside it", {"there = true;": "there = given != null;"})
wrong("13.1", "has to be told", {"() -> body.accept(this::give)":
                                 "() -> { try { body.accept(this::give); } catch (RuntimeException lost) {} }"})
wrong("13.1", r"what it gives, and 9 more.*generate has returned null", source="<T> Iterator<T> generate(Consumer<Consumer<T>> body) {\n    return null;\n}")
wrong("13.1", r"what it gives, and 9 more.*without an end", source="<T> Iterator<T> generate(Consumer<Consumer<T>> body) {\n    return generate(body);\n}")
wrong("13.1", "as it is", {RUN: "try { if (!there && !frames.isDone()) frames.run(); } catch (RuntimeException e) { throw new IllegalStateException(e); }"})
wrong("13.1", r"what it gives, and \d more.*did not come back within 5 seconds", {RUN: "while (!there && !Thread.currentThread().isInterrupted()) if (!frames.isDone()) frames.run();"})
wrong("13.1", "a scope of its own", {OWN: "final ContinuationScope own = scope;"})

# 13.2: who is pinned?

PINNED = 'return one.virtual() && one.mounted() && !one.state().equals("RUNNABLE");'

right("13.2", {PINNED: 'return one.mounted() && !one.state().equals("RUNNABLE");'})
right("13.2", {PINNED: 'return one.virtual() && one.mounted() && one.state().matches("(TIMED_)?WAITING|BLOCKED");'})
wrong("13.2", "you find nobody", {PINNED: "return false;"})
wrong("13.2", "holds up no carrier", {PINNED: 'return !one.state().equals("RUNNABLE");'})
wrong("13.2", r"\w+ runs: that is what a carrier is for", {PINNED: "return one.mounted();"})
wrong("13.2", "to wait is no harm", {PINNED: 'return one.virtual() && !one.state().equals("RUNNABLE");'})
wrong("13.2", r"\w+ waits for a lock, and the state is BLOCKED", {PINNED: 'return one.mounted() && one.state().contains("WAITING");'})
wrong("13.2", r"\w+ waits for a lock, and the state is BLOCKED",
      {PINNED: 'return one.stack().stream().anyMatch(frame -> frame.contains("parkOnCarrierThread"));'})
wrong("13.2", "WAITING and TIMED_WAITING", {PINNED: 'return one.mounted() && one.state().equals("TIMED_WAITING");'})
wrong("13.2", "WAITING and TIMED_WAITING", {PINNED: 'return one.mounted() && one.state().equals("BLOCKED");'})
wrong("13.2", "wait|runs|no carrier|mounted", {PINNED: 'return List.of("Dan", "Eve", "Finn").contains(one.name()) && !one.name().equals("Finn");'})
wrong("13.2", r"\w+ runs|wait without a carrier", {PINNED: 'return one.virtual() && one.stack().stream().anyMatch(frame -> frame.contains("omparison") || frame.contains("compare"));'})
wrong("13.2", r"\w+ runs", {PINNED: 'return one.mounted() && one.state() != "RUNNABLE";'})
wrong("13.2", "the answer ended with an exception", {PINNED: "String none = null;\n    return none.isEmpty();"})
wrong("13.2", "did not come back within 5 seconds", {PINNED: "while (one.virtual() && !Thread.currentThread().isInterrupted()) Thread.onSpinWait();\n    return false;"})
wrong("13.2", "ended with an exception", {PINNED: "return one.stack().get(1_000).isEmpty();"})

# 13.3: a fair scheduler

LEAST = "if (ran.lastIndexOf(ready.get(i)) < ran.lastIndexOf(ready.get(best))) best = i;"

right("13.3", {LEAST: "if (ran.lastIndexOf(ready.get(best)) > ran.lastIndexOf(ready.get(i))) best = i;"})
right("13.3", {"return best;": "return Math.max(0, best);"})
wrong("13.3", "An owner counts", {LEAST: "best = 0;"})
wrong("13.3", "A has none of the turns", {LEAST: "best = i;"})
wrong("13.3", "A has all of the turns", {LEAST: LEAST.replace("<", ">")})
wrong("13.3", "C makes up for all the turns",
      {LEAST: "if (Collections.frequency(ran, ready.get(i)) < Collections.frequency(ran, ready.get(best))) best = i;"})
wrong("13.3", "not at its first", {LEAST: LEAST.replace("lastIndexOf", "indexOf")})
wrong("13.3", "ready longest, the first in the list", {LEAST: LEAST.replace("<", "<=")})
wrong("13.3", "B's later one", {"return best;": "return ready.lastIndexOf(ready.get(best));"})
wrong("13.3", "no place in the list", {"int best = 0;": "int best = ran.isEmpty() ? -1 : 0;",
                                       LEAST: "if (best >= 0 && " + LEAST[4:]})
wrong("13.3", "C never has a turn", {
    "int best = 0;": "int best = -1;", "int i = 1;": "int i = 0;", "return best;": "return Math.max(0, best);",
    LEAST: "if (ran.contains(ready.get(i)) && (best < 0 || " + LEAST[4:].replace(") best", ")) best"),
})
right("13.3", source="""int next(List<String> ready, List<String> ran) {
    var left = new LinkedHashSet<String>(ready);
    for (int i = ran.size() - 1; i >= 0 && left.size() > 1; i--) left.remove(ran.get(i));
    return ready.indexOf(left.iterator().next());
}""")
wrong("13.3", "make a copy, and change that", {LEAST: "ready.remove(i);"})
wrong("13.3", "An owner counts", {LEAST: "if (ready.get(i) != ready.get(best) && !ran.isEmpty() && ran.getLast() == ready.get(best)) best = i;"})
wrong("13.3", "only the places 0 to 9 in `ready`", {"return best;": "return ready.size();"})
wrong("13.3", "did not come back within 5 seconds", {LEAST: "i = Thread.currentThread().isInterrupted() ? i : 0;"})
