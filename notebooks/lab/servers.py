"""Chapter 12's server beside others, for ./build.sh bench: servers.py <folder> [<rounds> [<seconds>]].

    serve         the chapter's, of green threads; and with 0 connections, its loop by hand
    ring          the loop by hand once more, through io_uring; may be missing
    server-in-go  the same with goroutines; may be missing
    Server.class  the same with virtual threads; may be missing. JAVA_HOME says whose

All of them run on one core, and the load (wrk) comes from another one, to one after the other: in
each round to each server once, for some seconds. What is printed is the processor time that the
system says a server has had, user and system, in microseconds a request; the median of the rounds.
A ratio is the median of the rounds' ratios, so that what the machine does besides falls on both.

The same goes into <folder>/servers.txt, which chapter 12 shows.

The exit status is 1 if a promise is missed; what is known of the reason stands there then.
"""

import os
import re
import resource
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROUNDS, SECONDS = 11, 2
CONNECTIONS = (100, 1000)
OURS, LOOP, RING = "chapter 12, green threads", "chapter 12, the loop by hand", "the loop, through io_uring"
GO, VIRTUAL = "Go, goroutines", "JDK, virtual threads"
ALL = (OURS, LOOP, RING, GO, VIRTUAL)

# Beside whom, with how many connections: how much processor time a request may take at most.
PROMISES = {(LOOP, 100): 1.05, (LOOP, 1000): 1.05, (GO, 100): 0.9, (GO, 1000): 0.75, (VIRTUAL, 100): 0.7, (VIRTUAL, 1000): 0.7}

# What was tried, and what the limit is; measured on two cores of a Xeon with Linux 6.18.
LIMITS = {
    LOOP: "  (Both make the same calls, and four fifths of a request are spent in them. Outside of them it is\n"
    "  2,400 instructions in the loop and 2,800 in a thread: two switches, a place in the ring, a deadline.\n"
    "  With 1,000 connections it is cache lines that count: 6 of a task miss the nearest cache, 17 of a\n"
    "  thread, 12 of them its frames. It was 42 before records shared lines, 24 before answers were written\n"
    "  to one place and alarms stayed where they are. Neither waiting inlined into reading nor more of\n"
    "  the next stack fetched ahead changed more than the rounds differ by. What else runs on the machine\n"
    "  takes from the same caches: beside such work 1.01 to 1.08 was measured with 1,000 connections.)\n",
    GO: "  (Four fifths of a request and more are the system's work, which is nearly the same for both. On a quiet\n"
    "  machine even the loop by hand took 0.86 of Go's with 100 connections and 0.75 with 1,000, and green threads\n"
    "  0.88 and 0.78. Beside other work Go's part grows more than ours: 0.65 to 0.77 was measured so.)\n",
    VIRTUAL: "  (Three quarters of a request and more are the system's work. On a quiet machine even the loop by hand took\n"
    "  0.80 of what virtual threads take with 100 connections and 0.70 with 1,000, and green threads 0.81 and 0.72.\n"
    "  A thread of the JDK's own asks the system what has happened, for all others; what that costs depends on how\n"
    "  much it finds at once. Beside other work 0.68 to 0.74 was measured. Nor do fewer calls help: the loop through\n"
    "  io_uring makes hardly one, and has to bring the bytes in and out as well, see its row. One that answered\n"
    "  without looking at what it read took 0.73 of virtual threads with 100 connections, and 0.63 with 1,000.)\n",
}


@dataclass(frozen=True)
class Cost:
    user: float  # microseconds a request
    system: float
    rate: float  # requests a second
    median: float  # microseconds until a client has its answer
    p99: float

    @property
    def processor(self):
        return self.user + self.system


def cores():
    """One for the servers, and one for their load; None: the system cannot keep a program on a core, or has one only."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return (allowed[0], allowed[1]) if len(allowed) > 1 else None


def prepared(core):
    """What a program does before it begins: it takes its place, and may have as many connections as there are to be."""

    def prepare():
        if core is not None:
            os.sched_setaffinity(0, [core])
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = max(CONNECTIONS) + 200
        if soft < wanted and (hard == resource.RLIM_INFINITY or hard >= wanted):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

    return prepare


class Server:
    """A server that runs until it is told to end."""

    def __init__(self, words, core):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=prepared(core))
        self.port = int(self.line("port")[0])

    def line(self, name):
        line = self.process.stdout.readline()
        found = re.fullmatch(rf"{name}((?: \d+)+)\n", line)
        if found is None:
            raise SystemExit(f"{self.process.args[0]} said {line!r} where it was to say its {name}")
        return found[1].split()

    def used(self):
        """The processor time until now: user and system, in microseconds."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [int(number) for number in self.line("used")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.wait(timeout=60)


def time_of(word):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", word).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}[unit]


def loaded(server, connections, seconds, core):
    """What a request costs under such a load. Each has to be answered, and answered with a 200."""
    before = server.used()
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{server.port}/"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=seconds + 60, preexec_fn=prepared(core))
    said = done.stdout + done.stderr
    used = [now - then for now, then in zip(server.used(), before)]
    if done.returncode != 0 or "Non-2xx" in said or re.search(r"Socket errors: (?!connect 0, read 0, write 0)", said):
        raise SystemExit(f"not all requests were answered:\n{said}")
    requests = int(re.search(r"(\d+) requests in", said)[1])
    times = dict(re.findall(r"^\s+(50|99)%\s+(\S+)", said, re.MULTILINE))
    return Cost(used[0] / requests, used[1] / requests, requests / seconds, time_of(times["50"]), time_of(times["99"]))


def words_of(folder, connections):
    """How each server is started that is there."""
    words = {LOOP: [folder / "serve", "0"], OURS: [folder / "serve", str(connections + 1)]}
    if (folder / "ring").exists():
        words[RING] = [folder / "ring"]
    if (folder / "server-in-go").exists():
        words[GO] = [folder / "server-in-go"]
    if (folder / "in-java" / "Server.class").exists():
        java = [Path(os.environ["JAVA_HOME"]) / "bin" / "java", "--enable-native-access=ALL-UNNAMED",
                "-Djdk.virtualThreadScheduler.parallelism=1", "-cp", folder / "in-java", "Server"]
        words[VIRTUAL] = java
    return {name: [str(word) for word in line] for name, line in words.items()}


def in_turns(folder, connections, rounds, seconds, places):
    """The costs of all rounds, of each server."""
    of_servers, of_load = places or (None, None)
    with ExitStack() as running:
        servers = {name: running.enter_context(Server(words, of_servers)) for name, words in words_of(folder, connections).items()}
        for _ in range(2):  # a rehearsal: a JVM compiles what runs often, and stacks get their memory
            for server in servers.values():
                loaded(server, connections, seconds, of_load)
        costs = {name: [] for name in servers}
        for turn in range(rounds):
            for name in list(servers) if turn % 2 == 0 else reversed(servers):
                costs[name].append(loaded(servers[name], connections, seconds, of_load))
    return costs


def beside(costs, other, what):
    """How our server's compares with another's: the median of the rounds' ratios."""
    return median(what(ours) / what(theirs) for ours, theirs in zip(costs[OURS], costs[other]))


def show(connections, costs):
    print(f"{f'A request, {connections} connections':<32}{'us':>7}{'user':>7}{'system':>8}{'ours to it':>12}{'a second':>10}{'median':>9}{'99 of 100':>11}{'ours to it':>12}")
    for name in ALL:
        if name not in costs:
            print(f"  {name:<30}{'missing':>7}")
            continue
        of = lambda what: median(what(cost) for cost in costs[name])
        ratios = ("", "") if name == OURS else (f"{beside(costs, name, lambda c: c.processor):.2f}", f"{beside(costs, name, lambda c: c.p99):.2f}")
        print(f"  {name:<30}{of(lambda c: c.processor):7.2f}{of(lambda c: c.user):7.2f}{of(lambda c: c.system):8.2f}{ratios[0]:>12}"
              f"{of(lambda c: c.rate):10,.0f}{of(lambda c: c.median):9,.0f}{of(lambda c: c.p99):11,.0f}{ratios[1]:>12}", flush=True)
    print()


def record(all_costs, file):
    """Writes what chapter 12 shows: a line for each server, with its cells between bars."""
    lines = ["# connections | server | processor time | the system's part of it | beside ours | 99 of 100 answered within; microseconds"]
    for connections, costs in all_costs.items():
        for name in (name for name in ALL if name in costs):
            of = lambda what: median(what(cost) for cost in costs[name])
            ratio = 1 if name == OURS else 1 / beside(costs, name, lambda c: c.processor)
            cells = (f"{connections:,}", name.removeprefix("chapter 12, "), f"{of(lambda c: c.processor):.1f}",
                     f"{of(lambda c: c.system):.1f}", f"{ratio:.2f}", f"{of(lambda c: c.p99):,.0f}")
            lines.append(" | ".join(cells))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def judge(all_costs):
    """Says of each promise whether it is kept. Returns whether all are."""
    kept = True
    for (other, connections), most in PROMISES.items():
        if other not in all_costs[connections]:
            continue
        ratio = beside(all_costs[connections], other, lambda cost: cost.processor)
        kept &= ratio <= most
        what = f"A request, {connections} connections, beside {other}"
        print(f"{what:<68} {ratio:6.3f}, at most {most:.2f}: {'kept' if ratio <= most else 'missed'}")
        if ratio > most:
            print(LIMITS[other], end="")
    return kept


def main(folder, rounds=ROUNDS, seconds=SECONDS):
    if shutil.which("wrk") is None:
        print("wrk is not installed: no servers are compared. It is in the package wrk (Debian, Ubuntu, Fedora, Homebrew).")
        return 0
    places = cores()
    all_costs = {}
    for connections in CONNECTIONS:
        all_costs[connections] = in_turns(Path(folder), connections, int(rounds), int(seconds), places)
        show(connections, all_costs[connections])
    record(all_costs, Path(folder) / "servers.txt")
    if GO not in all_costs[CONNECTIONS[0]]:
        print("Go is not installed (golang-go): no server of it to compare with.")
    if RING not in all_costs[CONNECTIONS[0]]:
        print("No server goes through io_uring: that needs Linux, which lets programs use it, and liburing (liburing-dev).")
    if places is None:
        print("Here programs cannot be kept on cores of their own: the promises are not judged.")
        return 0
    return 0 if judge(all_costs) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
