"""What chapter 08 prints, and what its readers will try: expected/__init__.py says what each name means."""

import shutil
import sys
from pathlib import Path

from expected import AARCH64, READY, RISCV64, WINDOWS, X86_64, Edit, Walk, loaded, right, wrong

# ---------------------------------------------------------------- what stands under its cells

# What chapter 08 wants for each machine besides the reader's own; and what it says without.
TOOLS = {
    "AArch64, Linux": ("aarch64-linux-gnu-gcc", "qemu-aarch64"),
    "RISC-V 64, Linux": ("riscv64-linux-gnu-gcc", "qemu-riscv64"),
    "x86-64, Windows": ("x86_64-w64-mingw32-gcc", "wine64"),
}

INSTALL = r"To (compile for|run) it"


def runs(title):
    """Whether this machine makes and runs programs for another one."""
    return all(shutil.which(name) or Path("/usr/lib/wine", name).exists() for name in TOOLS[title])


def elsewhere(title, *cells):
    """A row of a table with a row for each machine, as it is where the tools for it are."""
    return rf"^{title} +" + (" +".join(map(str, cells)) + "$" if runs(title) else "")


OUTPUTS = {
    "machines-start": READY,
    "tools-list": [r"^(x86-64|AArch64), (Linux|macOS) \(yours\) +\S+ [\d.]+ +itself$", r"^RISC-V 64, Linux ", r"^x86-64, Windows "],
    "tools-run": r"\A((x86-64|AArch64|RISC-V 64), (Linux|macOS|Windows): (compiled with .* in [\d.]+ m?s|unchanged), run by \S+ in [\d.]+ m?s\.\n)+\Z",
    # The prose: on all that ran, the 29 lines.
    "tools-compare": [
        *[elsewhere(title, 29, "true", "exit code 0") for title in TOOLS],
        r"^(x86-64|AArch64), macOS +(29 +true +exit code 0|–      –                 not run)$",
    ],
    "print-run": r"\A((x86-64|AArch64|RISC-V 64), (Linux|macOS|Windows): (compiled with .*|unchanged), run by .*\.\n)+\Z",
    "print-show": [
        r"^machine  +(x86-64 System V|AArch64) ",
        r"^bits of a long +64\b" + (".* 32$" if runs("x86-64, Windows") else ""),
        r"^home space, in bytes +0\b" + (".* 32$" if runs("x86-64, Windows") else ""),
        r"^bytes of a context +" + (r"56 +160 +200 +256$" if all(map(runs, TOOLS)) else r"(56|160)\b"),
        r"^the system knows which stack runs +no\b" + (".* yes$" if runs("x86-64, Windows") else ""),
    ],
    "tables-show": [
        r"^(x86-64|AArch64), (Linux|macOS) \(yours\): \d+ bytes, aligned to 8; says (gcc|clang|Apple clang) ",
        r"^x86-64, \w+( \(yours\))?: 56 bytes, aligned to 8",
        r"^AArch64, \w+( \(yours\))?: 160 bytes, aligned to 8",
        r"^RISC-V 64, Linux: 200 bytes, aligned to 8",
        r"^x86-64, Windows: 256 bytes, aligned to 16",
        r"^  0x90  xmm15             128$",
        r"^  0x98  d15  64$",
    ],
    "tables-more": r"\AWindows keeps besides: "
    + " ".join(f"xmm{n}" for n in range(6, 16))
    + r" rdi rsi stack_base stack_limit stack_allocation\n\Z",
    "tables-forget": (
        [r"^forgets rdi +loses +1: rdi$", r"^forgets xmm6 +loses +2: xmm6\.low xmm6\.high$"]
        if runs("x86-64, Windows")
        else INSTALL
    ),
    # The prose: fifteen of them, 27, and a line for each register on RISC-V.
    "switch-show": [
        r"^switch_context on 4 machines\. Instructions: .*x86-64, \w+ 15\b.*RISC-V 64, Linux 56\b.*x86-64, Windows 51\.$",
        r"\bAArch64, \w+ 27\b",
        r"^  stp d8, d9, \[x0, #0x60\]$",
    ],
    "return-code": r"stp +x29, x30, \[sp, -32\]!(?s:.*)ldp +x29, x30, \[sp\], 32\n +ret" if runs("AArch64, Linux") else INSTALL,
    "return-forge": loaded("cell forging"),
    "return-run": (
        [r"^elsewhere\nAArch64, Linux: exit code 0$", r"^AArch64, Linux: SIG(SEGV|ILL|TRAP)$"]
        if runs("AArch64, Linux")
        else r"elsewhere|" + INSTALL
    ),
    "return-runtime": r"^29 lines, the same as on your machine; exit code 0( \(recorded\))?$",
    "return-bti": [r"ret     x30", r"br      x30", r"#endif\n\Z"],
    "align-load": [
        loaded(r"08-other-machines\.c"),
        r"^takes any: (movups, insists: movaps|ldp, insists: ldxp)$",
    ],
    "align-run": [r"^(movups|ldp) +1 +2$", r"^(movaps|ldxp) +1 +✘ crash$"],
    "far-run": [
        loaded(r"08-other-machines\.c"),
        r"^the book, 2022 +function +4,194,272 +2,097,120 above the top$",
        r"^the book, 2022 +base +2,097,152 +the top\nthe book, 2022 +limit +2,097,152 +the top$",
        r"^ours +function +2,097,056 +inside$",
        r"^ours +limit +0 +inside$",
    ],
    "far-neighbour": r"\AWords that changed in the neighbour's stack: 3\n\Z",
    "far-crash": [
        r"^`spawn_on` crashed with SIG(SEGV|BUS)",
        r"65,504 bytes above the top of the second stack",
        r"computed too high",
    ],
    "home-book": [
        r"2 words changed",
        r"^top − 16 =.*start of the_guard|^top − 16 =.*the number 1$",
        r"^top − 24 .*start of the_skip$",
        r"^top − 32 =.*start of the_function$",
    ],
    "home-ours": [
        r"4 words changed",
        r"^top − 48 =.*start of the_guard$",
        r"^top − 80 =.*the number 1$",
        r"^top − 96 =.*start of the_function$",
    ],
    "home-skip": r"add     rsp, 0x20",
    "tib-source": [r"gs \+ 0x08 .* kept$", r"^#define TIB_STACK_BASE 0x08$"],
    "probe-there": r"call +___chkstk_ms" if runs("x86-64, Windows") else INSTALL,
    "probe-here": r"^touch_far_below:$",
    # The prose: the longest listing is still within 200.
    "label-run": [
        r"^x86-64, Linux +switch_stack +\.hidden switch_stack +1\d\d$",
        r"^AArch64, macOS +_switch_stack +\.private_extern _switch_stack +1\d\d$",
        r"^x86-64, macOS +_switch_stack +\.private_extern _switch_stack +1\d\d$",
        r"^RISC-V 64, Linux +switch_stack +\.hidden switch_stack +1\d\d$",
        r"^x86-64, Windows +switch_stack +– +(1\d\d|200)$",
    ],
    "label-source": r"__USER_LABEL_PREFIX__",
    "experiment-any": r"^RISC-V 64, Linux: exit code 0$" if runs("RISC-V 64, Linux") else INSTALL,
    "experiment-code": r"^work:$" if runs("RISC-V 64, Linux") else INSTALL,
}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions


def other_machines(name, arguments, modulo, context, long=64, red_zone=0, home=0, knows="no"):
    """What chapter 08 prints of the machine that it runs on. A Mac has an underscore, and a red zone on AArch64."""
    return [
        f"machine: {name}",
        f"bits of a long: {long}",
        f"arguments in registers: {arguments}",
        "sp at a call, a multiple of: 16",
        f"sp at a beginning, modulo that: {modulo}",
        f"red zone, in bytes: {128 if sys.platform == 'darwin' else red_zone}",
        f"home space, in bytes: {home}",
        f"registers in a context, besides sp: {context[0]}",
        f"bytes of a context: {context[1]}",
        f"a function named f is, in assembly: {'_f' if sys.platform == 'darwin' else 'f'}",
        f"the system knows which stack runs: {knows}",
        "copies from 0: 1 1",
        "copied from 8: 2",
        "words in the other stack, by the book, 2022: 3",
        "words in the other stack, by ours: 0",
    ]


PROGRAM = {
    X86_64: other_machines("x86-64 System V", 6, 8, context=(6, 56), red_zone=128),
    AARCH64: other_machines("AArch64", 8, 0, context=(19, 160)),
    RISCV64: other_machines("RISC-V 64", 8, 0, context=(24, 200)),
    WINDOWS: other_machines(
        "x86-64 Windows", 4, 8, context=(18, 256), long=32, home=32, knows="yes"
    ),
}

WALK = Walk(["switch_context"], {"main", "look_around"}, begins={"look_around"})

# ---------------------------------------------------------------- the changes that it suggests

EDITS = [
    Edit("experiment-any", {'where = "RISC-V 64, Linux"': 'where = "x86-64, Windows"',
                            'which = "02-registers-and-calls"': 'which = "04-the-stack"'},
         r"(?i)error|install|recorded", fails=True),  # without that compiler: what is missing
]

PROSE = {"experiment-any-about": "experiment-any"}

# ---------------------------------------------------------------- answers to its exercises

N = "128, skip = 120, guard = 64"
right("08.1", {N: "144, skip = 136, guard = 80"})
right("08.1", {N: "144, skip = 136, guard = 64", "skipAdds = 48": "skipAdds = 64"})
wrong("08.1", "has to get over them", {N: "64, skip = 56, guard = 48", "= 48;": "= 0;"})
wrong("08.1", "has to get over them", {"skipAdds = 48": "skipAdds = 40"})
wrong("08.1", "has to get over them", {N: "96, skip = 88, guard = 48", "skipAdds = 48": "skipAdds = 32"})
wrong("08.1", "skip takes another word", {"skipAdds = 48": "skipAdds = 56"})
wrong("08.1", "skip belongs 8 bytes above", {"skip = 120": "skip = 112"})
wrong("08.1", "skip belongs 8 bytes above", {"skip = 120": "skip = 128"})
wrong("08.1", "it reaches above the top", {N: "112, skip = 104, guard = 48"})
wrong("08.1", "takes 8 bytes", {N: "120, skip = 112, guard = 56"})
wrong("08.1", "a multiple of 16 too", {N: "144, skip = 136, guard = 72", "skipAdds = 48": "skipAdds = 56"})
wrong("08.1", "what is come to later lies higher", {N: "64, skip = 56, guard = 128"})
right("08.2", {"fp, s0, s1, s2, s3, s4, s5, s6, s7, s8;": "fp, s[9];", "fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7;": "fs[8];"})
right("08.2", {"    uint64_t fs0, fs1,": "    double fs0, fs1;\n    uint64_t"})
wrong("08.2", "keep what belongs to the callee", {"    uint64_t fp, s0, s1, s2, s3, s4, s5, s6, s7, s8;\n": ""})
wrong("08.2", "one is forgotten", {"fs6, fs7;": "fs6;"})
wrong("08.2", "floats too", {"    uint64_t fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7;\n": ""})
wrong("08.2", "a frame pointer is a callee-saved register", {"fp, s0": "s0"})
wrong("08.2", "one is forgotten", {"s7, s8;": "s7;"})
wrong("08.2", "ra waits on the stack", {"uint64_t sp;": "uint64_t sp, ra;"})
wrong("08.2", "tp belongs to the thread of the system", {"uint64_t sp;": "uint64_t sp, tp;"})
wrong("08.2", "put these away", {"fp, s0": "fp, t0, s0"})
wrong("08.2", "64 bits here", {"uint64_t fs0": "uint32_t fs0"})
