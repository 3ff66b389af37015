"""Tells Jupyter about the Java kernel, or takes that back.

A kernelspec is a folder with a kernel.json, which holds the command that starts the kernel. This one
starts IJava on the JDK that build.sh found, with the lab beside it. Files are written only when they
change. Needs nothing but Python itself.
"""

import argparse
import json
import os
import sys
from pathlib import Path

# IJava reports each step it takes at level INFO. The terminal is for what matters.
LOGGING = """\
handlers = java.util.logging.ConsoleHandler
.level = WARNING
"""

# conda-forge's ijava has a kernel of the same name: it is kept beside ours and put back by `remove`.
KEPT = "kernel.json.before-green-threads"


def kernel_json(root, build, java, ijava, cc):
    """The kernel's description, as text."""
    class_path = os.pathsep.join([f"{build}/kernel/{ijava}", f"{build}/kernel/lab.jar"])
    environment = {
        "GREEN_THREADS_HOME": root,
        "GREEN_THREADS_BUILD": build,
        "IJAVA_CLASSPATH": f"{build}/kernel/lab.jar",
        "IJAVA_STARTUP_SCRIPTS_PATH": f"{root}/notebooks/lab/start.jshell",
    }
    if cc:
        environment["CC"] = cc
    spec = {
        "argv": [
            java,
            # Cells call native code: that is the point, so Java need not warn of it.
            "--enable-native-access=ALL-UNNAMED",
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
            "-Djava.util.logging.config.file={resource_dir}/logging.properties",
            "-cp",
            class_path,
            "greenthreads.lab.LabKernel",
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
    (folder / "logging.properties").unlink()
    if (folder / KEPT).exists():
        (folder / KEPT).replace(file)
    else:
        folder.rmdir()


def main():
    parser = argparse.ArgumentParser(description="Tells Jupyter about the Java kernel.")
    commands = parser.add_subparsers(required=True)
    for command in (install, remove):
        sub = commands.add_parser(command.__name__)
        sub.set_defaults(run=command)
        sub.add_argument("--prefix", type=Path, required=True, help="of the Python that runs Jupyter")
        sub.add_argument("--root", required=True, help="the checkout")
        if command is install:
            sub.add_argument("--build", required=True, help="the build folder")
            sub.add_argument("--java", required=True, help="the java command, a whole path")
            sub.add_argument("--ijava", required=True, help="the name of IJava's jar")
            sub.add_argument("--cc", default="", help="the C compiler, if one was chosen")
    arguments = parser.parse_args()
    arguments.run(arguments.prefix / "share" / "jupyter" / "kernels" / "java", arguments)


if __name__ == "__main__":
    sys.exit(main())
