"""A running Java kernel, as a front end sees it."""

import json
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from jupyter_client.manager import KernelManager

from project import NOTEBOOKS, ROOT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def plain(text):
    """Text without terminal colours."""
    return COLOUR.sub("", text)


def installed_spec():
    """The kernelspec that build.sh installed for this checkout, and its folder."""
    try:
        spec = KernelSpecManager().get_kernel_spec("java")
    except NoSuchKernel:
        raise AssertionError("no kernelspec named java: run the tests with ./build.sh test") from None
    written = json.loads((Path(spec.resource_dir) / "kernel.json").read_text(encoding="utf-8"))
    home = Path(written.get("env", {}).get("GREEN_THREADS_HOME", "/nowhere"))
    assert home.resolve() == ROOT, f"the kernelspec in {spec.resource_dir} belongs to another checkout: {home}"
    return written, Path(spec.resource_dir)


def java_words(spec):
    """The words of a kernelspec's command from its java on: before it stands what starts it."""
    return spec["argv"][spec["argv"].index("{resource_dir}/start.sh") + 1 :]


@dataclass
class Output:
    """One thing a cell put out: a piece of a stream, a display or an error."""

    kind: str  # stdout, stderr, display, error
    text: str
    html: str = ""
    seen: float = 0.0  # when it arrived, time.monotonic()


@dataclass
class Run:
    """One execute request and what came of it."""

    code: str
    sent: float
    outputs: list = field(default_factory=list)
    notes: list = field(default_factory=list)  # what it said it was waiting for, each text once
    status: str = ""  # ok, error, aborted
    ended: float = 0.0

    def of(self, *kinds):
        return "".join(o.text for o in self.outputs if o.kind in kinds)

    @property
    def text(self):
        """Everything a reader sees in text, in order."""
        return plain("".join(o.text for o in self.outputs))

    @property
    def error(self):
        return plain(self.of("error"))

    @property
    def seconds(self):
        return self.ended - self.sent


class Kernel:
    """Starts the installed kernel, or a changed copy of it, and runs cells in it."""

    def __init__(self, folder=NOTEBOOKS, argv=None, env=None, without=(), interrupt="message"):
        """
        folder: the kernel's working directory
        argv: another command line in place of the installed one; {connection_file} is filled in
        env: variables that the kernel gets on top of the kernelspec's
        without: variables that it does not get
        """
        written, resources = installed_spec()
        self._specs = Path(tempfile.mkdtemp(prefix="green-threads-spec-"))
        shutil.copytree(resources, self._specs / "java")
        spec = dict(written)
        if argv is not None:
            spec["argv"] = [str(word) for word in argv]
        spec["env"] = {**written.get("env", {}), **{k: str(v) for k, v in (env or {}).items()}}
        spec["env"] = {k: v for k, v in spec["env"].items() if k not in without}
        spec["interrupt_mode"] = interrupt
        (self._specs / "java" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
        self._terminal = open(self._specs / "terminal.txt", "w+b")
        manager = KernelSpecManager(kernel_dirs=[str(self._specs)], ensure_native_kernel=False)
        self._manager = KernelManager(kernel_name="java", kernel_spec_manager=manager)
        # What the kernelspec leaves out must not come in from our own environment.
        inherited = {k: v for k, v in os.environ.items() if k not in without}
        self._manager.start_kernel(
            cwd=str(folder), env=inherited, stdout=self._terminal, stderr=self._terminal
        )
        self._client = self._manager.client()
        self._client.start_channels()
        self._runs = {}
        self._idle = set()
        try:
            self._client.wait_for_ready(timeout=120)
        except RuntimeError:
            terminal = self.terminal()
            self.stop()
            raise AssertionError(f"the kernel did not start; its terminal says:\n{terminal}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def alive(self):
        return self._manager.is_alive()

    @property
    def pid(self):
        return self._manager.provisioner.pid

    def terminal(self):
        """What the kernel wrote to the terminal that started it."""
        if self._terminal.closed:
            return self._last
        return (self._specs / "terminal.txt").read_text(encoding="utf-8", errors="replace")

    def send(self, code, stop_on_error=True, allow_stdin=True):
        """Sends a cell without waiting for it, as Run All does."""
        run = Run(code, time.monotonic())
        self._runs[self._client.execute(code, stop_on_error=stop_on_error, allow_stdin=allow_stdin)] = run
        return run

    def answer(self, text, timeout=20):
        """Waits until the running cell asks, and answers; returns the question's prompt."""
        question = self._client.get_stdin_msg(timeout=timeout)
        assert question["msg_type"] == "input_request"
        self._client.input(text)
        return question["content"]["prompt"]

    def wait(self, *runs, timeout=60):
        """Waits until these cells have ended: answered, and idle afterwards."""
        end = time.monotonic() + timeout
        while not all(r.status and id(r) in self._idle for r in runs):
            if time.monotonic() > end:
                waiting = next(r for r in runs if not r.status or id(r) not in self._idle)
                raise AssertionError(f"no end after {timeout} s: {waiting.code!r} printed {waiting.text!r}")
            if not self.alive:
                raise AssertionError(f"the kernel died in: {runs[0].code!r}\n{self.terminal()}")
            self._listen(0.05)

    def wait_for(self, run, pattern, timeout=20):
        """Waits until a running cell has put this out."""
        end = time.monotonic() + timeout
        while not re.search(pattern, run.text):
            assert time.monotonic() < end, f"{pattern!r} did not appear; the cell printed {run.text!r}"
            self._listen(0.02)

    def run(self, code, timeout=60, stop_on_error=True):
        run = self.send(code, stop_on_error)
        self.wait(run, timeout=timeout)
        return run

    def ok(self, code, timeout=60):
        """Runs a cell that must succeed."""
        run = self.run(code, timeout)
        assert run.status == "ok", f"{code!r} failed:\n{run.text}"
        return run

    def fails(self, code, timeout=60):
        """Runs a cell that must fail, and leave the kernel able to run the next one."""
        run = self.run(code, timeout)
        assert run.status == "error", f"{code!r} did not fail, it printed {run.text!r}"
        after = self.run('System.out.println(6 * 7)')
        assert after.text.strip() == "42", f"after {code!r} the next cell printed {after.text!r}"
        return run

    def info(self):
        """What the kernel says of itself."""
        return self.ask("kernel_info_request", {})

    def ask(self, kind, content, timeout=20):
        """Sends a message of any kind; returns the content of the reply."""
        message = self._client.session.msg(kind, content)
        self._client.shell_channel.send(message)
        end = time.monotonic() + timeout
        while True:
            reply = self._client.get_shell_msg(timeout=max(0.1, end - time.monotonic()))
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return reply["content"]

    def states_of(self, kind, content, timeout=5):
        """Sends a message of any kind; returns the states that the kernel tells of while it answers."""
        message = self._client.session.msg(kind, content)
        self._client.shell_channel.send(message)
        states, end = [], time.monotonic() + timeout
        while "idle" not in states and time.monotonic() < end:
            try:
                said = self._client.get_iopub_msg(timeout=0.1)
            except Empty:
                continue
            if said["msg_type"] == "status" and said["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                states.append(said["content"]["execution_state"])
        return states

    def complete(self, code):
        """What Tab offers at the | in a cell; each as the cell would then read."""
        at = code.index("|")
        code = code.replace("|", "", 1)
        reply = self.ask("complete_request", {"code": code, "cursor_pos": at})
        start, end = reply["cursor_start"], reply["cursor_end"]
        return [code[:start] + match + code[end:] for match in reply["matches"]]

    def inspect(self, code):
        """What Shift+Tab says at the | in a cell, as text and as HTML; empty if it says nothing."""
        at = code.index("|")
        reply = self.ask("inspect_request", {"code": code.replace("|", "", 1), "cursor_pos": at, "detail_level": 0})
        data = reply["data"] if reply["found"] else {}
        return data.get("text/plain", ""), data.get("text/html", "")

    def interrupt(self):
        self._manager.interrupt_kernel()

    def stop(self, politely=False):
        """Ends the kernel; politely: by asking it, and waiting for it to end by itself."""
        if self._manager.has_kernel:
            self._client.stop_channels()
            if politely:
                process = self._manager.provisioner.process
                self._manager.shutdown_wait_time = 40  # a signal follows after half of it
                self._manager.shutdown_kernel()
                self.signalled = process.returncode != 0
            else:
                self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()
        if not self._terminal.closed:
            self._last = self.terminal()
            self._terminal.close()
            shutil.rmtree(self._specs, ignore_errors=True)

    def _listen(self, seconds):
        try:
            self._note(self._client.get_iopub_msg(timeout=seconds))
            while True:
                self._note(self._client.get_iopub_msg(timeout=0))
        except Empty:
            pass
        try:
            while True:
                reply = self._client.get_shell_msg(timeout=0)
                run = self._runs.get(reply["parent_header"].get("msg_id"))
                if run is not None and "status" in reply["content"]:
                    run.status = reply["content"]["status"]
                    run.ended = time.monotonic()
        except Empty:
            pass

    def _note(self, message):
        run = self._runs.get(message["parent_header"].get("msg_id"))
        if run is None:
            return
        content = message["content"]
        now = time.monotonic()
        match message["msg_type"]:
            case "status" if content["execution_state"] == "idle":
                self._idle.add(id(run))
            case "stream":
                run.outputs.append(Output(content["name"], content["text"], seen=now))
            case "display_data" | "update_display_data" if content.get("transient", {}).get("display_id"):
                run.notes.append(content["data"]["text/plain"])
            case "display_data" | "execute_result":
                data = content["data"]
                run.outputs.append(
                    Output("display", data.get("text/plain", "") + "\n", data.get("text/html", ""), now)
                )
            case "error":
                lines = content["traceback"] or [f"{content['ename']}: {content['evalue']}"]
                run.outputs.append(Output("error", "\n".join(lines) + "\n", seen=now))
