"""Chapter 13: the runtime in Java stands alone, the questions lead to what there is, a kernel without options is told."""

import os
import re
import shutil

import pytest

from chapters import Chapter
from expected import THE_29_LINES
from kernels import Kernel
from notebook_rules import headings
from project import BUILD, NOTEBOOKS, run
from test_kernel import copy_of_project, our_java, stock

pytestmark = pytest.mark.chapter("13")

SECONDS = 20

CHAPTER = Chapter.read(NOTEBOOKS / "13-from-here-to-loom.ipynb")
RUNTIME = NOTEBOOKS / "GreenThreads.java"
FLAG = ["--add-exports", "java.base/jdk.internal.vm=ALL-UNNAMED"]


def jdk(name):
    return os.path.join(os.environ["JAVA_HOME"], "bin", name)


def cell(name):
    return next(cell for cell in CHAPTER.cells if cell.id == name)


def test_the_runtime_in_java_has_at_most_200_lines():
    assert len(RUNTIME.read_text(encoding="utf-8").splitlines()) <= 200


def test_the_runtime_in_java_compiles_and_runs_alone(tmp_path):
    """As the chapter says: with one option, and without the lab."""
    status, said = run([jdk("javac"), "-Xlint:all", "-Werror", *FLAG, "-d", tmp_path, RUNTIME])
    assert status == 0 and said == "", said
    status, said = run([jdk("java"), *FLAG, "-cp", tmp_path, "GreenThreads"])
    assert status == 0 and said.splitlines() == THE_29_LINES, said


def test_the_runtime_in_java_runs_as_a_single_file():
    [words] = re.findall(r"^    java (.*)$", cell("runtime-about").source, re.MULTILINE)
    status, said = run([jdk("java"), *words.split()], cwd=NOTEBOOKS)
    assert status == 0 and said.splitlines() == THE_29_LINES, said


# Each line of the program is one that the runtime promises.
USES = """
class Uses extends GreenThreads {
    static void say(Object what) { System.out.println(what); }
    static String refused(java.util.concurrent.Callable<?> what) throws Exception {
        try { return "not refused: " + what.call(); } catch (IllegalStateException e) { return e.getMessage(); }
    }
    static void all() throws Exception {
        GreenThreads r = new GreenThreads();
        GreenThread slow = r.spawn(() -> { yieldThread(); yieldThread(); return 42; });
        r.spawn(() -> { say("joined twice: " + join(slow) + " " + join(slow)); return null; });
        r.spawn(() -> { say("a child: " + join(running.spawn(() -> 7))); return null; });
        GreenThread parked = r.spawn(() -> { park(); say("woken"); return null; });
        r.spawn(() -> { yieldThread(); running.wake(parked); running.wake(parked); running.wake(slow); return null; });
        r.spawn(() -> { say(refused(() -> join(thread()))); return null; });
        GreenThread fails = r.spawn(() -> { yieldThread(); throw new java.io.IOException("no disk"); });
        r.spawn(() -> { say(refused(() -> join(fails))); return null; });
        r.spawn(() -> { say(refused(() -> running.run())); return null; });
        GreenThread never = r.spawn(() -> { park(); say("woken from outside"); return null; });
        say("waiting: " + r.run());
        r.wake(never);
        say("waiting: " + r.run());
        GreenThreads outer = new GreenThreads();
        outer.spawn(() -> {
            GreenThreads inner = new GreenThreads();
            inner.spawn(() -> { say("inner 1"); yieldThread(); say("inner 2"); return null; });
            inner.run();
            yieldThread();
            return null;
        });
        outer.spawn(() -> { say("outer"); return null; });
        outer.run();
        say(refused(() -> { yieldThread(); return null; }));
        new GreenThreads().run();
        GreenThreads told = new GreenThreads() {            // of switches that took place, and of no other
            @Override
            void switched(GreenThread from, GreenThread to) { say("from " + from + " to " + to); }
        };
        told.spawn(() -> {
            jdk.internal.vm.Continuation.pin();
            say(refused(() -> { yieldThread(); return null; }));
            say(refused(() -> { park(); return null; }));
            jdk.internal.vm.Continuation.unpin();
            return null;
        });
        told.spawn(() -> null);
        say("waiting: " + told.run());
    }
}
class Start {
    public static void main(String[] words) throws Exception { Uses.all(); }
}
"""

SAID = """\
thread 6 would wait for itself
this runtime runs already
joined twice: 42 42
a child: 7
woken
thread 7 failed: java.io.IOException: no disk
waiting: 1
woken from outside
waiting: 0
inner 1
inner 2
outer
only a green thread can call this: no runtime runs
from base thread to thread 1
Pinned: CRITICAL_SECTION
Pinned: CRITICAL_SECTION
from thread 1 to thread 2
from thread 2 to base thread
waiting: 0
"""


def test_the_runtime_in_java_keeps_what_it_promises(tmp_path):
    source = tmp_path / "Uses.java"
    source.write_text(USES, encoding="utf-8")
    status, said = run([jdk("javac"), *FLAG, "-d", tmp_path, RUNTIME, source])
    assert status == 0, said
    status, said = run([jdk("java"), *FLAG, "-cp", tmp_path, "Start"])
    assert status == 0 and sorted(said.splitlines()) == sorted(SAID.splitlines()), said


UNDER_OURS = """
import java.util.ArrayDeque;
import java.util.concurrent.Executor;

class UnderOurs {
    public static void main(String[] words) throws Exception {
        var maker = Class.forName("java.lang.ThreadBuilders")
            .getDeclaredMethod("newVirtualThread", Executor.class, String.class, int.class, Runnable.class);
        maker.setAccessible(true);
        var turns = new ArrayDeque<Runnable>();
        for (int id = 1; id <= 2; id++) {
            int me = id, end = 5 + 5 * id;
            Runnable count = () -> {
                System.out.println("THREAD " + me + " STARTING");
                for (int i = 0; i < end; i++) {
                    System.out.println("thread: " + me + " counter: " + i);
                    Thread.yield();
                }
                System.out.println("THREAD " + me + " FINISHED");
            };
            ((Thread) maker.invoke(null, (Executor) turns::add, "", 0, count)).start();
        }
        while (!turns.isEmpty()) turns.poll().run();
    }
}
"""


def test_the_jdk_that_is_promised_takes_a_scheduler_of_ours(tmp_path):
    """As the chapter's cell does it. Another JDK may leave it out; on JDK 25 it must work."""
    status, version = run([jdk("java"), "--version"])
    if not re.search(r"\b25\b", version.splitlines()[0]):
        pytest.skip(f"{version.splitlines()[0]}: what the chapter needs is only promised of JDK 25")
    source = tmp_path / "UnderOurs.java"
    source.write_text(UNDER_OURS, encoding="utf-8")
    status, said = run([jdk("java"), "--add-opens", "java.base/java.lang=ALL-UNNAMED", source])
    assert status == 0 and said.splitlines() == THE_29_LINES, said


READS = """
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import jdk.management.VirtualThreadSchedulerMXBean;

class Reads {
    public static void main(String[] words) throws Exception {
        ManagementFactory.getPlatformMXBean(VirtualThreadSchedulerMXBean.class).setParallelism(2);
        var begun = new CountDownLatch(Integer.parseInt(words[0]));
        var keptOpen = new ArrayList<>();
        for (int i = 1; i < words.length; i++) {
            Path path = Path.of(words[i]);
            keptOpen.add(new RandomAccessFile(path.toFile(), "rw"));
            Thread.startVirtualThread(() -> {
                try (InputStream in = OPEN) { begun.countDown(); in.read(); } catch (Exception e) { e.printStackTrace(); }
            });
        }
        System.out.println(begun.await(2, TimeUnit.SECONDS));
        System.exit(0);
    }
}
"""


@pytest.mark.parametrize("how", ["new java.io.FileInputStream(path.toFile())", "java.nio.file.Files.newInputStream(path)"])
@pytest.mark.parametrize("count,all_begin", [(2, "true"), (3, "false")])
def test_a_plain_read_of_a_file_holds_a_carrier_and_is_not_made_up_for(tmp_path, how, count, all_begin):
    """As the chapter says. A named pipe that nobody writes to stands for a slow disk: four read, on two carriers."""
    pipes = [tmp_path / f"pipe-{i}" for i in range(4)]
    for pipe in pipes:
        os.mkfifo(pipe)
    source = tmp_path / "Reads.java"
    source.write_text(READS.replace("OPEN", how), encoding="utf-8")
    assert run([jdk("java"), source, count, *pipes]) == (0, all_begin + "\n")


def questions():
    """Of each folded question its number, and the chapter and heading that it leads to."""
    text = cell("questions-answers").source
    folded = re.findall(r"<details><summary>(\d+)\. [^\n]+\?</summary>\n\n(.+?)\n\n</details>", text, re.DOTALL)
    assert text.count("<details>") == len(folded)
    return [(int(number), re.findall(r"See chapter \[(\d\d)\]\(([^)]+)\), \*(.+?)\*\.$", answer)) for number, answer in folded]


def test_there_are_twenty_questions():
    assert [number for number, _ in questions()] == list(range(1, 21))
    assert {way[0][0] for _, way in questions()} == {f"{n:02}" for n in range(1, 14)}


@pytest.mark.parametrize("number,ways", questions())
def test_a_question_leads_to_an_experiment(number, ways):
    [(chapter, file, heading)] = ways
    assert file.startswith(f"{chapter}-")
    assert heading in [text for _, text, _ in headings(Chapter.read(NOTEBOOKS / file))]


def test_a_stock_kernel_is_told_what_it_lacks(tmp_path):
    tree = copy_of_project(tmp_path / "tree")
    (tree / ".build" / "kernel").mkdir(parents=True)
    shutil.copy(BUILD / "kernel" / "lab.jar", tree / ".build" / "kernel")
    with stock(tree, our_java()) as k:
        k.ok(cell("loom-start").source)
        ran = k.run(cell("hand-load").source)
        assert ran.status == "error"
        for word in ("neither is", *FLAG, "IJAVA_COMPILER_OPTS", "kernel.json", "JDK_JAVA_OPTIONS", "./build.sh kernel"):
            assert word in ran.error, ran.error
        assert k.ok("6 * 7").text.strip() == "42"



def test_what_is_thrown_in_a_function_that_c_has_called_is_told():
    """A continuation that cannot yield there throws; out of an upcall, that would be the end of the kernel."""
    with Kernel() as kernel:
        for name in ("loom-start", "hand-load", "hand-run", "pinned-native"):
            kernel.ok(cell(name).source)
        for inside, says in {
            "Continuation.yield(scope)": "Pinned: ",
            'throw new IllegalArgumentException("from inside")': "from inside",
            "new Sorted(() -> Continuation.yield(scope)).sort()": "Pinned: ",
        }.items():
            failed = kernel.fails(f"new Continuation(scope, () -> new Sorted(() -> {{ {inside}; }}).sort()).run();")
            assert says in failed.error, failed.text
            assert kernel.ok("System.out.println(6 * 7)").text == "42\n"
