"""Chapter 12's server, started by its cells: it ends with the cell that is stopped, and with the kernel."""

import re
import socket

import pytest

from chapters import Chapter
from kernels import Kernel
from project import NOTEBOOKS

pytestmark = pytest.mark.chapter("12")

LOADED = ("waiting-start", "sleep-load", "server-load", "server-class")


def source(name):
    cells = Chapter.read(NOTEBOOKS / "12-waiting.ipynb").code
    return next(cell.source for cell in cells if cell.id == name)


def answers(port):
    """What the server says to a request; empty if nobody listens."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return client.makefile("rb").read().decode()
    except ConnectionRefusedError:
        return ""


@pytest.fixture
def kernel():
    with Kernel() as kernel:
        for name in LOADED:
            kernel.ok(source(name))
        yield kernel


def test_stopping_the_cell_stops_the_server(kernel):
    stays = source("experiment-stay").replace("int seconds = 1;", "int seconds = 600;")
    run = kernel.send(stays)
    kernel.wait_for(run, r":\d+/\n")
    port = int(re.search(r":(\d+)/", run.text)[1])
    assert "hello, world" in answers(port), "it serves while the cell runs"
    kernel.interrupt()
    kernel.wait(run)
    assert run.status == "error" and "Interrupted" in run.text
    assert answers(port) == "", "somebody still listens"
    assert "nobody listens there any more" in kernel.ok(source("experiment-gone")).text


def test_nothing_listens_when_the_kernel_has_ended(kernel):
    run = kernel.ok("Server left = new Server(10).start();\nSystem.out.println(left.port());")
    port = int(run.text)
    assert "hello, world" in answers(port), "it serves after its cell, too"
    kernel.stop(politely=True)
    assert not kernel.signalled, "the server kept the kernel from ending"
    assert answers(port) == "", "somebody still listens"


WRONG = {
    "closed twice": (
        "try (Server twice = new Server(5).start()) { System.out.println(twice.port() > 0); twice.close(); }",
        ["^true$", "is closed"],
    ),
    "stopped after it was closed": (
        "Server gone = new Server(5).start(); gone.close(); gone.stop(); System.out.println(gone.port());",
        ["was to stop, but it is closed", "^-1$"],
    ),
    "on a port that is taken": (
        "try (var other = new java.net.ServerSocket(0, 1, java.net.InetAddress.getByName(\"127.0.0.1\"))) {\n"
        "    System.out.println(servers.open_either(other.getLocalPort(), 5, MemorySegment.NULL, MemorySegment.NULL).address());\n"
        "}",
        [r"No server on port \d+ of 127\.0\.0\.1 with 5 connections: Address already in use\.", "^0$"],
    ),
    "that could not be opened": (
        "try (Server none = new Server(-5).start()) { System.out.println(none.port()); }",
        ["with -5 connections: ", r"could not be opened\.", "^-1$"],
    ),
}


@pytest.mark.parametrize("code, says", list(WRONG.values()), ids=list(WRONG))
def test_a_server_that_is_not_open_harms_nobody(kernel, code, says):
    run = kernel.run(code)
    for line in says:  # in any order: what C says and what Java prints come by two ways
        assert re.search(line, run.text, re.MULTILINE), run.text
    good = "try (Server good = new Server(5).start()) { System.out.println(good.port() > 0); }"
    assert kernel.ok(good).text == "true\n"
