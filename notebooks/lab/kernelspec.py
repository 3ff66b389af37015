"""Tells Jupyter about the Java kernel, or takes that back.

A kernelspec is a folder with a kernel.json, which holds the command that starts the kernel. This one
starts IJava on the JDK that build.sh found, with the lab beside it. Files are written only when they
change. `first_call` tries that command. Needs nothing but Python itself.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

# IJava reports each step it takes at level INFO. The terminal is for what matters.
LOGGING = """\
handlers = java.util.logging.ConsoleHandler
.level = WARNING
"""

# What is inherited from whoever starts Jupyter must not decide how the kernel runs: options that other programs of
# the reader's need would keep Java from starting (another collector, a debugger's port that is taken) or add to
# what it loads. And in a locale without UTF-8, Java could not open a folder é. Java reserves gigabytes of addresses
# before it uses them: where these are limited it would not start, and say so to nobody who opens a notebook.
START = """\
#!/bin/sh
unset JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH
case ${LC_ALL:-${LC_CTYPE:-${LANG-}}} in
  *[Uu][Tt][Ff]8* | *[Uu][Tt][Ff]-8*) ;;
  *) if [ "$(uname)" = Linux ]; then export LC_ALL=C.UTF-8; else export LC_ALL=en_US.UTF-8; fi ;;
esac
for needed in "$1" "${IJAVA_CLASSPATH:-/}" "${IJAVA_STARTUP_SCRIPTS_PATH:-/}"; do
  if [ ! -e "$needed" ]; then
    printf 'The Java kernel cannot start: %s is gone since it was set up. Where the project lies now, run ./build.sh (or ./build.sh kernel, if that is how this Jupyter knows the kernel).\\n' "$needed" >&2
    exit 1
  fi
done
limit=$(ulimit -v 2>/dev/null)
case $limit in
  '' | *[!0-9]*) ;;
  *)
    if [ "$limit" -lt 8000000 ]; then
      printf 'The Java kernel may take %s KiB of addresses (ulimit -v): it does with less memory than usual. If it dies, raise that limit to 8000000 or more.\\n' "$limit" >&2
      java=$1
      shift
      export MALLOC_ARENA_MAX=2
      exec "$java" -XX:CompressedClassSpaceSize=128m -XX:ReservedCodeCacheSize=96m -Xmx512m "$@"
    fi
    ;;
esac
exec "$@"
"""

KERNEL = "greenthreads.lab.kernel.LabKernel"
FIRST_CALL = "greenthreads.lab.kernel.FirstCall"

# conda-forge's ijava has a kernel of the same name: it is kept beside ours and put back by `remove`.
KEPT = "kernel.json.before-green-threads"


def release_of(java):
    """The JDK's feature release, by its own description: 25; 0 if it has none."""
    try:
        text = (Path(java).parent.parent / "release").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    return int(found[1]) if found else 0


# Chapter 13 opens what the JDK keeps to itself: its continuations, to those who compile a cell and to those who run
# it; and who makes its virtual threads, for a scheduler of one's own.
EXPORTS = "--add-exports java.base/jdk.internal.vm=ALL-UNNAMED"
OPENS = "--add-opens java.base/java.lang=ALL-UNNAMED"


def kernel_json(root, build, java, ijava, cc):
    """The kernel's description, as text."""
    class_path = os.pathsep.join([f"{build}/kernel/{ijava}", f"{build}/kernel/lab.jar"])
    environment = {
        "GREEN_THREADS_HOME": root,
        "GREEN_THREADS_BUILD": build,
        "IJAVA_CLASSPATH": f"{build}/kernel/lab.jar",
        "IJAVA_COMPILER_OPTS": EXPORTS,
        "IJAVA_STARTUP_SCRIPTS_PATH": f"{root}/notebooks/lab/start.jshell",
    }
    if cc:
        environment["CC"] = cc
    spec = {
        "argv": [
            "/bin/sh",
            "{resource_dir}/start.sh",
            java,
            # Cells call native code: that is the point, so Java need not warn of it.
            "--enable-native-access=ALL-UNNAMED",
            EXPORTS.replace(" ", "=", 1),
            OPENS.replace(" ", "=", 1),
            # IJava sets fields that are final; from 26 on Java warns of that under a cell.
            *(["--enable-final-field-mutation=ALL-UNNAMED"] if release_of(java) >= 26 else []),
            "-Xss16m",
            # One reader, small heaps: it takes the least memory, and no threads of its own.
            "-XX:+UseSerialGC",
            # Most of a cell's time goes into compiling: javac compiles the cell, and Java's own
            # compilers javac. The costly one of these waits for code that is hot beyond doubt: a
            # loop that measures is so at once, a chapter's worth of cells never.
            "-XX:Tier4InvocationThreshold=100000",
            "-XX:Tier4MinInvocationThreshold=12000",
            "-XX:Tier4CompileThreshold=300000",
            "-XX:Tier4BackEdgeThreshold=800000",
            # A crash is part of the course. No core dumps, and the report goes where it can be found.
            "-XX:-CreateCoredumpOnCrash",
            f"-XX:ErrorFile={build}/logs/hs_err_pid%p.log",
            # Classes, parsed once, are mapped in at the next start, which takes half the time then.
            "-XX:+AutoCreateSharedArchive",
            f"-XX:SharedArchiveFile={build}/kernel/cds.jsa",
            # It has much to say about that archive, none of it for the reader.
            "-Xlog:disable",
            # What a reader types into a cell's input box; Java would take it for the locale's encoding.
            "-Dstdin.encoding=UTF-8",
            "-Djava.util.logging.config.file={resource_dir}/logging.properties",
            "-cp",
            class_path,
            KERNEL,
            "{connection_file}",
        ],
        "display_name": "Java (green threads)",
        "language": "java",
        # A signal would end the kernel; a message interrupts the cell.
        "interrupt_mode": "message",
        "env": environment,
        "metadata": {"green_threads": {"root": root}},
    }
    return json.dumps(spec, indent=2, ensure_ascii=False) + "\n"


def write_if_changed(file, text):
    """Writes a file as a whole or not at all, and not if it says the same already."""
    try:
        if file.read_text(encoding="utf-8") == text:
            return
    except FileNotFoundError:
        pass
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.new")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.chmod(0o644)
    unfinished.replace(file)


def is_ours(file):
    return "green_threads" in json.loads(file.read_text(encoding="utf-8")).get("metadata", {})


def install(folder, arguments):
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "kernel.json"
    if file.exists() and not is_ours(file):
        file.replace(folder / KEPT)
    write_if_changed(folder / "logging.properties", LOGGING)
    write_if_changed(folder / "start.sh", START)
    text = kernel_json(
        arguments.root, arguments.build, arguments.java, arguments.ijava, arguments.cc
    )
    write_if_changed(file, text)


def remove(folder, arguments):
    file = folder / "kernel.json"
    if not file.exists() or not is_ours(file):
        return
    if json.loads(file.read_text(encoding="utf-8"))["metadata"]["green_threads"]["root"] != arguments.root:
        return  # another checkout's
    file.unlink()
    for name in ("logging.properties", "start.sh"):
        (folder / name).unlink(missing_ok=True)
    if (folder / KEPT).exists():
        (folder / KEPT).replace(file)
    else:
        folder.rmdir()
    if arguments.user:
        print(f"Removed {folder}")


def first_call(folder, arguments):
    """Becomes a Java that makes one call as cells make them, by the words that are to start the kernel."""
    spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    words = [word.replace("{resource_dir}", str(folder)) for word in spec["argv"]]
    # The archive of classes is to be made by a kernel, which loads more of them.
    words = [word for word in words[: words.index(KERNEL)] if "SharedArchive" not in word]
    os.chdir(Path(arguments.root) / "notebooks")
    os.execve(words[0], [*words, FIRST_CALL], {**os.environ, **spec["env"]})


def data_folder():
    """Where Jupyter looks for what a user has installed: as jupyter_core finds it, which need not be here."""
    if os.environ.get("JUPYTER_DATA_DIR"):
        return Path(os.environ["JUPYTER_DATA_DIR"])
    home = Path(os.path.expanduser("~"))
    if sys.platform == "darwin":
        return home / "Library" / "Jupyter"
    share = os.environ.get("XDG_DATA_HOME")
    return (Path(share) if share else home / ".local" / "share") / "jupyter"


def folder_of(arguments):
    data = data_folder() if arguments.user else arguments.prefix / "share" / "jupyter"
    return data / "kernels" / "java"


def main():
    parser = argparse.ArgumentParser(description="Tells Jupyter about the Java kernel.")
    commands = parser.add_subparsers(required=True)
    for command in (install, remove, first_call):
        sub = commands.add_parser(command.__name__)
        sub.set_defaults(run=command)
        where = sub.add_mutually_exclusive_group(required=True)
        where.add_argument("--prefix", type=Path, help="of the Python that runs Jupyter")
        where.add_argument("--user", action="store_true", help="for every Jupyter of this user")
        sub.add_argument("--root", required=True, help="the checkout")
        if command is install:
            sub.add_argument("--build", required=True, help="the build folder")
            sub.add_argument("--java", required=True, help="the java command, a whole path")
            sub.add_argument("--ijava", required=True, help="the name of IJava's jar")
            sub.add_argument("--cc", default="", help="the C compiler, if one was chosen")
    arguments = parser.parse_args()
    try:
        arguments.run(folder_of(arguments), arguments)
    except OSError as problem:
        sys.exit(f"kernelspec.py: {problem}")


if __name__ == "__main__":
    sys.exit(main())
