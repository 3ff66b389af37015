"""Nothing a reader types kills the notebook: a table of bad edits, all of them in one and the same kernel.

After each of them the kernel still has its pid, runs a good cell with the right answer, and has left no
process behind. What the reader is told is compared as well: the cause must be named, and no other one.
"""

import os
import platform
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from kernels import Kernel
from processes import children_of
from project import copy_of_project

SECONDS = 60  # about as long as it takes

X86_64 = platform.machine() in ("x86_64", "AMD64")
LINUX = sys.platform == "linux"
GLIBC = platform.libc_ver()[0] == "glibc"


# ---------------------------------------------------------------- what the table is made of


@dataclass(frozen=True)
class Edit:
    """Something a reader does. The last step is the cell that goes wrong; all before it must succeed."""

    id: str
    steps: tuple  # cells, or what is done to the files between them
    says: tuple = ()  # patterns, each to be found in what the cells put out
    cause: str = ""  # a crash: its one likely cause
    never: tuple = ()  # patterns that must not be found
    fails: bool | None = True  # whether the last cell must fail; None: that is the compiler's business
    where: bool = True  # whether this machine has it
    why_not: str = ""

    @property
    def chapters(self):
        """The chapters whose files the steps name."""
        return {number for step in self.steps for number in re.findall(r"\b(\d\d)-[a-z]", str(step))}


@dataclass(frozen=True)
class Write:
    """A file under native/ is saved."""

    path: str
    content: str | bytes


@dataclass(frozen=True)
class Delete:
    path: str


@dataclass(frozen=True)
class Interrupted:
    """A cell that is interrupted once it has printed something."""

    code: str
    seen: str


def refused(id, body, *says, magic="%%c trial", **more):
    """The compiler does not take it."""
    return Edit(id, (f"{magic}\n{body}",), says, **more)


def crash(id, body, headline, cause, *says, name="trial", options="", call="Lab.isolate(trial).run();", **more):
    """The cell is edited, and the same isolated call runs again."""
    return Edit(id, (f"%%c {name}{options}\n{body}", call), (headline, *says), cause, **more)


def harmless(id, body, *says, name="trial", options="", call="Lab.isolate(trial).run();", **more):
    """Not a crash, but something to be said."""
    return Edit(id, (f"%%c {name}{options}\n{body}", call), says, fails=False, **more)


def java(id, *cells, says, **more):
    return Edit(id, cells, says if isinstance(says, tuple) else (says,), **more)


SHORT = "Lab.isolate(trial, Duration.ofMillis(400)).run();"
SEGV = r"`run` crashed with SIGSEGV: it touched memory that it may not touch\."
SWAP = " --from 03-a-single-stack-swap"

# For a stack that overflows: gcc and clang would turn the recursion into a loop without the array.
DEEP = """static int deep(int n) {
    volatile char frame[512];
    frame[0] = (char)n;
    return deep(n + 1) + frame[0];
}
"""


def assembly(*lines):
    """A body whose run() goes on into a function in assembly."""
    text = "".join(f'    "   {line}\\n"\n' for line in lines)
    return (
        """#include "arch/arch.h"
void broken(void) __attribute__((visibility("hidden")));
"""
        f"__asm__(ASM_FUNCTION(broken)\n{text}    ASM_END(broken));\n"
        "void run(void) { broken(); }"
    )


# ---------------------------------------------------------------- 1. it does not compile

COMPILE = [
    refused(
        "syntax error",
        """int one(void) { return 1; }

int two(void) {
    return 1 + ;
}""",
        r"cell trial does not compile: \S.* found 1 error\.",
        r"trial\.c:5:\d+: error: expected expression",
        r"return 1 \+ ;",
        r"What was loaded before is untouched",
    ),
    refused("missing brace", "void run(void) {\n    if (1) {\n}", r"trial\.c:4:\d+: error: expected"),
    refused(
        "string without end",
        'const char *run = "abc;\n',
        r'trial\.c:2:\d+: (error|warning): missing terminating (")? ?',
    ),
    refused(
        "comment without end",
        "int one;\n/* what follows is lost\nint two;",
        r"trial\.c:3:\d+: error: unterminated (/\* )?comment",
    ),
    refused("#if without #endif", "#if 1\nvoid run(void) {}", r"trial\.c:2:\d*:? ?error: unterminated"),
    refused(
        "wrong include",
        '#include "no-such-file.h"\nvoid run(void) {}',
        r"trial\.c:2:\d+: fatal error: '?no-such-file\.h'?",
    ),
    refused(
        "forgotten include",
        'void run(void) { printf("no header"); }',
        r"trial\.c:2:\d+: (warning|error): .*(implicit|undeclared).*printf",
        r"stdio\.h",
        fails=None,
    ),
    refused("defined twice", "int x = 1;\nint x = 2;", r"trial\.c:3:\d+: error: redefinition of .x."),
    refused("undeclared name", "int run(void) { return nothing; }", r"trial\.c:2:\d+: error: .*.nothing.*undeclared"),
    refused(
        "no such function",
        "int nowhere(int);\nint run(void) { return nowhere(1); }",
        r"cell trial calls `nowhere`, but no such function is defined in it or in the C library",
        where=LINUX,
        why_not="the message is the GNU linker's",
    ),
    refused(
        "wrong assembly",
        '__asm__("frobnicate x, 1");',
        r"no such instruction|unknown mnemonic|unrecognized instruction|invalid instruction",
        r"frobnicate",
        r"trial\.c:2",
        never=(r"/tmp/", r"\.s:\d"),
    ),
    refused("no such option", "void run(void) {}", r"no-such-option", magic="%%c trial -fno-such-option"),
    refused(
        "-O9",
        """#ifndef __OPTIMIZE__
#error not optimized
#endif
void run(void) {}""",
        r"cell trial: compiled with",
        magic="%%c trial -O9",
        fails=False,
    ),
    refused(
        "missing semicolon in a part of a chapter",
        """
void hello(void) {
    sp_in_hello = stack_pointer()
    printf("new");
}""",
        r"trial\.c:4:\d+: error: expected .?;",
        magic="%%c trial" + SWAP,
    ),
    refused(
        "brace missing in a part of a chapter",
        "void hello(void) {\n    if (1) {\n    sp_in_hello = 0;\n}",
        r"trial\.c:[235]\b",
        magic="%%c trial" + SWAP,
    ),
    refused(
        "wrong name in a part of a chapter",
        """int swap_once(size_t size) {
    return swap_on_frehs(size, NULL);
}""",
        r"trial\.c:3:\d+: (error|warning): .*swap_on_frehs|calls `swap_on_frehs`",
        magic="%%c trial" + SWAP,
    ),
    refused(
        "comment without end in a part of a chapter",
        "void hello(void) {\n    sp_in_hello = 0; /* open\n}",
        r"cell trial does not compile: the /\* in line 3 is never closed",
        r"trial\.c:3: error: no \*/ for this /\*",
        never=(r"the \{",),
        magic="%%c trial" + SWAP,
    ),
    refused(
        "comment without end behind a part of a chapter",
        "void hello(void) { sp_in_hello = 0; }\n/* what follows is lost\nint swap_once(size_t size) { return (int)size; }",
        r"the /\* in line 3 is never closed",
        magic="%%c trial" + SWAP,
    ),
    refused(
        "#if without #endif in a part of a chapter",
        "#ifdef __linux__\nvoid hello(void) { sp_in_hello = 0; }",
        r"the #ifdef in line 2 is never closed",
        never=(r"redefinition",),
        magic="%%c trial" + SWAP,
    ),
    refused(
        "parenthesis missing above a part of a chapter",
        "static int help(int n) { return (n + 1; }\nvoid hello(void) { sp_in_hello = (uintptr_t)help(1); }",
        r"trial\.c:2:\d+: error: expected .?\)",
        never=(r"redefinition",),
        magic="%%c trial" + SWAP,
    ),
    refused(
        "a keyword as a macro",
        "#define if while\nvoid hello(void) { if (!sp_in_hello) sp_in_hello = 1; }",
        r"cell trial: compiled with",
        magic="%%c trial" + SWAP,
        fails=False,
    ),
    Edit(
        "helpers that have the names of later functions",
        (
            """%%c later --from 07-the-runtime-in-200-lines
static int seen;
static int my_id(void) { return ++seen; }
static void take_turns(void) { printf("turn %d\\n", my_id()); }
static void thread_1(void) { take_turns(); }
static void thread_2() { take_turns(); }""",
            "interface Example { int book_example(); }\n"
            'Lab.isolate(Lab.load("later", Example.class)).book_example();',
        ),
        (r"^turn 1$\n^turn 2$",),
        fails=False,
    ),
    refused(
        "no such chapter",
        "void hello(void) {}",
        r"There is no file native/99-nowhere\.",
        r"03-a-single-stack-swap",
        magic="%%c trial --from 99-nowhere",
    ),
    refused("--from and no chapter", "void hello(void) {}", r"--from wants a chapter's name", magic="%%c trial --from"),
    refused("no name", "void run(void) {}", r"needs a name", r"%%c mine", magic="%%c"),
    refused("bad name", "void run(void) {}", r"needs a name of letters and digits", magic="%%c nine,lives"),
    refused("two names", "void run(void) {}", r"what is `second`\?", magic="%%c first second"),
    refused(
        "a chapter's name",
        "int add(int a, int b) { return a - b; }",
        r"`00-start-here` is the name of a file in native/",
        magic="%%c 00-start-here",
    ),
    Edit(
        "no body",
        ("%%c empty",),
        (r"cell empty: compiled|%%c: .*empty",),
        never=(r"illegal start of expression",),
        fails=None,
    ),
    Edit(
        "nothing but a comment",
        ("%%c empty\n/* later */", 'Trial none = Lab.load("empty", Trial.class);'),
        (r"cell empty has no function `run`", r"no functions that can be called from outside"),
    ),
    Edit(
        "text that looks like magic",
        (
            """%%c texts
const char *text(void) { return "%d =%d %%c \\"é\\" \\\\n"; }
int rest(int a, int b) { int c
=a
%b; return c; }""",
            "interface Texts { String text(); int rest(int a, int b); }\n"
            'Texts texts = Lab.load("texts", Texts.class);\n'
            "System.out.println(texts.text() + texts.rest(17, 5));",
        ),
        (r'^%d =%d %%c "é" \\n2$',),
        fails=False,
    ),
    Edit(
        "missing return at -O0",
        (
            """%%c value -O0
int value(int a) {
    if (a > 0) {
        return 1;
    }
}""",
            "Lab.isolate(value).value(1)",
        ),
        (r"value\.c:6:\d+: warning: .*non-void function", r"^1$"),
        fails=False,
    ),
    Edit(
        "missing return at -O2",
        (
            """%%c value -O2
int value(int a) {
    if (a > 0) {
        return 1;
    }
}""",
            "Lab.isolate(value).value(1)",
        ),
        (r"value\.c:6:\d+: warning: .*non-void function", r"^1$"),
        fails=False,
    ),
]

# ---------------------------------------------------------------- 2. it crashes, or does not end

CRASHES = [
    crash(
        "null write",
        """void run(void) {
    volatile int *volatile p = 0;
    *p = 1;
}""",
        SEGV,
        r"The code writes through a null pointer: \w+ is 0\.",
        r"run\+0x\w+ in trial\.so.*trial\.c:4",
        r"^Address: +0x0: null$",
    ),
    crash(
        "null read of a member",
        """struct node { long a[3]; int v; };
volatile int out;
void run(void) { struct node *volatile n = 0; out = n->v; }""",
        SEGV,
        r"It is a null pointer \(\w+ is 0\): the code reads (from )?offset 24 of it",
    ),
    crash(
        "unchecked malloc",
        """#include <stdint.h>
#include <stdlib.h>
void run(void) {
    volatile char *p = malloc(PTRDIFF_MAX / 2);
    p[0] = 1;
}""",
        SEGV,
        r"through a null pointer",
    ),
    crash(
        "wild pointer",
        "void run(void) { *(volatile int *volatile)0x10000000000 = 1; }",
        SEGV,
        r"The code writes (to )?0x10000000000, where no memory is: very likely a pointer that was never set",
    ),
    crash(
        "no address at all",
        "void run(void) { *(volatile int *volatile)0x4141414141414140 = 1; }",
        SEGV,
        r"\[\w+\] is 0x4141414141414140, which is no address at all",
        where=X86_64,
        why_not="AArch64 has no such addresses",
    ),
    crash(
        "call through null",
        """void run(void) {
    void (*volatile f)(void) = 0;
    f();
    __asm__ volatile("");
}""",
        SEGV,
        r"It jumped to null; very likely by a call through a function pointer in run\.",
    ),
    crash(
        "call of garbage",
        """void run(void) {
    void (*volatile f)(void) = (void (*)(void))0x12345678000;
    f();
    __asm__ volatile("");
}""",
        SEGV,
        r"It jumped to 0x12345678000, where there is no code .*; very likely by a call through a function pointer",
    ),
    crash(
        "call of data",
        """static int data[4];
void run(void) {
    void (*volatile f)(void) = (void (*)(void))(long)data;
    f();
    __asm__ volatile("");
}""",
        SEGV,
        r"It tried to run data as code: 0x\w+ is data of trial\.so",
    ),
    crash(
        "recursion without end",
        DEEP + "void run(void) { deep(0); }",
        SEGV,
        r"Stack overflow: the code writes (to )?an address [\d,]+ bytes below the process's main stack",
        r"deep[\w.]*\+0x",
    ),
    crash(
        "huge array on the stack",
        """void run(void) {
    volatile char big[256 << 20];
    for (long i = 0; i < (long)sizeof big; i++) {
        big[i] = 1;
    }
}""",
        SEGV,
        r"[Ss]tack overflow",
    ),
    crash(
        "a small stack overflows",
        DEEP
        + """void hello(void) { deep(0); }
int swap_on(void *stack, size_t size, struct swap_report *report) { /* without a name for the stack */
    uint64_t *top = top_of(stack, size);
    (void)report;
    forge(stack, size);
    swap((struct swap_context *)&top[OLD_CONTEXT], &(struct swap_context){.sp = (uintptr_t)&top[FUNCTION]});
    return OK;
}""",
        r"`swap_on` crashed with SIGSEGV",
        r"Stack overflow: the stack is argument 1's memory \(16,384 bytes\), .* an address [\d,]+ bytes? below it\.",
        r"Look at the condition that is to end the recursion",
        name="onstack",
        options=SWAP,
        call=(
            """interface OnStack { int swap_on(MemorySegment stack, long size, MemorySegment report); }
"""
            'OnStack onStack = Lab.load("onstack", OnStack.class);\n'
            "Lab.isolate(onStack).swap_on(Arena.ofAuto().allocate(16 * 1024, 16), 16 * 1024, MemorySegment.NULL);"
        ),
    ),
    crash(
        "a guarded stack overflows",
        DEEP
        + """#include <sys/mman.h>
void lab_stack(const char *name, void *low, size_t size, size_t guard) __attribute__((weak));
void hello(void) { deep(0); }
void run(void) {
    size_t guard = 1 << 16, size = 1 << 15;
    char *low = mmap(NULL, guard + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    mprotect(low, guard, PROT_NONE);
    if (lab_stack)
        lab_stack("thread 2's stack", low + guard, size, guard);
    swap_on(low + guard, size, NULL);
}""",
        SEGV,
        r"Stack overflow: .* [\d,]+ bytes? below thread 2's stack, and the stack pointer is down there too\.",
        r"in its guard page",
        options=SWAP + " -D_DEFAULT_SOURCE -D_DARWIN_C_SOURCE",
    ),
    crash(
        "a guarded stack without a name",
        DEEP
        + """#include <sys/mman.h>
void hello(void) { deep(0); }
void run(void) {
    size_t guard = 1 << 16, size = 1 << 15;
    char *low = mmap(NULL, guard + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    mprotect(low, guard, PROT_NONE);
    swap_on(low + guard, size, NULL);
}""",
        SEGV,
        r"Stack overflow: .* below the new stack, and the stack pointer is down there too\.",
        options=SWAP + " -D_DEFAULT_SOURCE -D_DARWIN_C_SOURCE",
    ),
    crash(
        "misaligned stack",
        assembly("call    1f", "ret", "1:", "sub     rsp, 24", "movaps  xmmword ptr [rsp], xmm0", "add     rsp, 24", "ret")
        if X86_64
        else assembly("sub sp, sp, #8", "str x0, [sp]", "add sp, sp, #8", "ret"),
        SEGV if X86_64 else r"`run` crashed with SIGBUS",
        r"The stack is (very likely )?misaligned: movaps needs .* a multiple of 16, and \[rsp\] is 8 bytes above one\."
        if X86_64
        else r"The stack is misaligned: sp must be a multiple of 16",
    ),
    crash(
        "misaligned address",
        assembly("lea     rax, [rsp - 127]", "and     rax, -16", "movaps  xmmword ptr [rax + 4], xmm0", "ret"),
        SEGV,
        r"The address is misaligned: movaps needs .* a multiple of 16, and \[rax\+0x4\] is 4 bytes above one\.",
        never=(r"The stack is misaligned",),
        where=X86_64,
        why_not="movaps is an instruction of x86-64",
    ),
    crash(
        "forged return address",
        """int forge(void *stack, size_t size) {
    memset(stack, PAINT, size);
    uint64_t *top = top_of(stack, size);
    top[FUNCTION] = 0x5555deadb000;
    top[WAY_HOME] = (uintptr_t)way_home;
    return OK;
}""",
        r"`swap_once` crashed with SIGSEGV",
        r"It jumped to 0x5555deadb000, where there is no code .*; very likely by a ret",
        name="swaps",
        options=SWAP,
        call="Lab.isolate(swaps).swap_once(64 * 1024);",
        where=X86_64,
        why_not="how control came there is told by x86-64's stack",
    ),
    crash(
        "no way home",
        """int forge(void *stack, size_t size) {
    memset(stack, PAINT, size);
    uint64_t *top = top_of(stack, size);
    top[FUNCTION] = (uintptr_t)hello;
    return OK;
}""",
        r"`swap_once` crashed with SIGSEGV",
        r"ret took its return address from the top of the stack, and what is there \(0xa5a5a5a5a5a5a5a5\) is no address"
        if X86_64
        else r"It jumped to 0x",
        r"WAKING UP ON A NEW STACK",
        name="swaps",
        options=SWAP,
        call="Lab.isolate(swaps).swap_once(64 * 1024);",
    ),
    crash(
        "a push too many",
        assembly("push    0x33", "ret") if X86_64 else assembly("mov x30, #0x33", "ret"),
        SEGV,
        r"It jumped to null \+ 51; very likely by a ret",
    ),
    crash(
        "missing ret",
        assembly("nop").replace("ASM_END(broken)", '".fill 8192, 1, 0\\n" ASM_END(broken)'),
        r"`run` crashed with SIG(SEGV|ILL)",
        r"It ran on into zero bytes, past the end of the code: very likely a ret is missing",
    ),
    crash(
        "a register never set",
        assembly("mov     rax, [rbx + 8]", "ret") if X86_64 else assembly("ldr x0, [x19, #8]", "ret"),
        SEGV,
        r"The address is made from (rbx|x19), which the code has not set",
    ),
    crash(
        "stack pointer set to nothing",
        assembly("mov     rsp, 0x10000000000", "push    rax", "ret")
        if X86_64
        else assembly("mov x9, #0x10000000000", "mov sp, x9", "str x0, [sp, #-16]!", "ret"),
        SEGV,
        r"The stack pointer points to memory that cannot be used",
    ),
    crash(
        "an instruction for the operating system",
        assembly("hlt", "ret"),
        SEGV,
        r"hlt is for the operating system itself only",
        where=X86_64,
        why_not="hlt is an instruction of x86-64",
    ),
    harmless(
        "callee-saved registers dropped",
        'void run(void) { __asm__ volatile("mov $1, %rbx; mov $2, %r12"); }'
        if X86_64
        else 'void run(void) { __asm__ volatile("mov x19, #1\\nmov x20, #2"); }',
        r"run did not restore (rbx, r12|x19, x20): callee-saved, so its caller relies on them",
    ),
    crash(
        "exit",
        "#include <stdlib.h>\nvoid run(void) { exit(3); }",
        r"`run` ended its process with status 3\.",
        r"The code called exit\(3\)",
    ),
    crash(
        "_exit",
        "#include <unistd.h>\nvoid run(void) { _exit(4); }",
        r"`run` ended its process with status 4\.",
        r"very likely by _exit\(4\)",
    ),
    crash(
        "exit(0)",
        "#include <stdlib.h>\nvoid run(void) { exit(0); }",
        r"`run` ended its process with status 0\.",
        r"The code called exit\(0\)",
    ),
    crash(
        "abort",
        "#include <stdlib.h>\nvoid run(void) { abort(); }",
        r"`run` crashed with SIGABRT: it was aborted on purpose",
        r"The process was ended by abort\(\)",
    ),
    crash(
        "assert",
        """#include <assert.h>
void run(void) { volatile int one = 1; assert(one == 2); }""",
        r"SIGABRT",
        r"an assert\(\) did not hold",
        r"one == 2",
    ),
    crash(
        "raise",
        "#include <signal.h>\nvoid run(void) { raise(SIGUSR1); }",
        r"`run` crashed with SIGUSR1",
        r"The code sent SIGUSR1 to itself",
    ),
    crash(
        "kill itself",
        """#include <signal.h>
#include <unistd.h>
void run(void) { kill(getpid(), SIGKILL); }""",
        r"`run` crashed with SIGKILL: it was killed",
        r"Something killed the process: it may have killed itself",
        options=" -D_DEFAULT_SOURCE",
    ),
    # Where the system gives a namespace of processes it is out of reach; IsolatedRunTest has both.
    Edit(
        "kill the one who watches",
        (
            """%%c trial -D_DEFAULT_SOURCE
#include <signal.h>
#include <unistd.h>
void run(void) { kill(getppid(), SIGKILL); sleep(2); }""",
            "Lab.isolate(trial).run();",
        ),
        never=(r"called _?exit", r"time limit"),
        fails=None,
    ),
    crash(
        "double free",
        """#include <stdlib.h>
void run(void) {
    void *volatile p = malloc(2000);
    void *volatile q = malloc(2000);
    free(p);
    free(p);
    free(q);
}""",
        r"SIGABRT",
        r"the same memory was given to free\(\) twice",
        where=GLIBC,
        why_not="other C libraries find it later or say it otherwise",
    ),
    crash(
        "free of what is no block",
        """#include <stdlib.h>
void run(void) { char text[64]; char *volatile p = text + 16; free(p); }""",
        r"SIGABRT",
        r"free\(\) was given an address that malloc\(\) did not return",
        where=GLIBC,
        why_not="other C libraries find it later or say it otherwise",
    ),
    crash(
        "past the end of an array",
        """#include <string.h>
void run(void) {
    char text[16];
    volatile size_t size = 64;
    memset(text, 'x', size);
    __asm__ volatile("" : : "r"(text) : "memory");
}""",
        r"SIGABRT",
        r"a function wrote past the end of an array on its stack",
        options=" -fstack-protector-all",
        where=GLIBC,
        why_not="other C libraries say it otherwise",
    ),
    crash(
        "write to code",
        "void run(void) { *(volatile char *)(unsigned long)run = 1; }",
        SEGV,
        r"The code writes to code: run.* in trial\.so",
    ),
    crash(
        "write to a string literal",
        "void run(void) { volatile char *volatile s = (char *)\"literal\"; s[0] = 'x'; }",
        SEGV,
        r"The code writes to read-only data of trial\.so, such as a string literal",
    ),
    crash(
        "division by zero",
        """volatile int zero, out = 7;
void run(void) { out = out / zero; }""",
        r"`run` crashed with SIGFPE: it asked for arithmetic that has no result",
        r"integer division by zero",
        where=X86_64,
        why_not="AArch64 divides by zero without a word",
    ),
    crash(
        "smallest integer divided by -1",
        """#include <limits.h>
volatile int a = INT_MIN, b = -1, out;
void run(void) { out = a / b; }""",
        r"SIGFPE",
        r"The quotient does not fit|very likely an integer division by zero; the smallest integer divided by -1",
        where=X86_64,
        why_not="AArch64 divides without a word",
    ),
    crash(
        "a trap of the compiler's",
        "void run(void) { __builtin_trap(); }",
        r"`run` crashed with SIG(ILL|TRAP)",
        r"marked as never reached",
    ),
    crash(
        "a breakpoint",
        """#if defined __x86_64__
void run(void) { __asm__ volatile("int3"); }
#else
void run(void) { __asm__ volatile("brk #1"); }
#endif""",
        r"`run` crashed with SIGTRAP",
        r"breakpoint instruction, int3" if X86_64 else r"trap instruction|never reached",
    ),
    crash(
        "a result that is no string",
        "const char *named(void) { return (const char *)0x1234567; }",
        r"`named` crashed with SIGSEGV",
        r"what it returned \(0x1234567\) is not the address of a string",
        name="named",
        call="""interface Named { String named(); }
Named named = Lab.load("named", Named.class);
Lab.isolate(named).named();""",
    ),
    crash(
        "beyond the memory that was passed",
        """void fill(volatile char *p) {
    for (long i = 0; i < 100000; i++) {
        p[i] = 1;
    }
}""",
        r"`fill` crashed with SIGSEGV",
        r"past the end of argument 1's memory \(\d[\d,]* bytes\): very likely an index or a pointer that left it",
        name="fill",
        call="""interface Fill { void fill(MemorySegment p); }
Fill fill = Lab.load("fill", Fill.class);
Lab.isolate(fill).fill(Arena.ofAuto().allocate(4096));""",
    ),
    crash(
        "read-only memory",
        "void fill(volatile char *p) { p[0] = 1; }",
        r"`fill` crashed with SIGSEGV",
        r"The code writes to argument 1's memory .*, which is read-only",
        name="fill2",
        call="""interface Fill2 { void fill(MemorySegment p); }
Fill2 fill2 = Lab.load("fill2", Fill2.class);
Lab.isolate(fill2).fill(Arena.ofAuto().allocate(4096).asReadOnly());""",
    ),
    crash(
        "a pointer of the notebook's inside a struct",
        "void follow(int *volatile *p) { **p = 1; }",
        r"`follow` crashed with SIGSEGV",
        r"very likely an address of the notebook's own process|in the notebook's own process: very likely a pointer",
        r"without isolating it",
        name="follow",
        call="""interface Follow { void follow(MemorySegment p); }
Follow follow = Lab.load("follow", Follow.class);
MemorySegment target = Arena.global().allocate(8);
MemorySegment cell = Arena.global().allocate(8);
cell.set(ValueLayout.ADDRESS, 0, target);
Lab.isolate(follow).follow(cell);""",
    ),
    crash(
        "a crash in a thread of its own",
        """#include <pthread.h>
static void *crash(void *p) { *(volatile int *volatile)0 = 1; return p; }
void run(void) { pthread_t t; pthread_create(&t, 0, crash, 0); pthread_join(t, 0); }""",
        SEGV,
        r"through a null pointer",
        r"not the one that was called, but one that it started",
    ),
    harmless(
        "a thread left running",
        """#include <pthread.h>
#include <unistd.h>
static void *wait_on(void *p) { pause(); return p; }
void run(void) { pthread_t t; pthread_create(&t, 0, wait_on, 0); }""",
        r"run returned while 1 thread that it started was still running; it ended with the process\.",
    ),
    harmless(
        "a process left running",
        """#include <unistd.h>
void run(void) {
    if (fork() == 0) {
        for (;;) {
            pause();
        }
    }
}""",
        r"run left 1 process running; it was ended\.",
        where=LINUX,
        why_not="only Linux counts them",
    ),
    harmless(
        "daemons left running",
        """#include <unistd.h>
void run(void) {
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            setsid();
            if (fork() == 0) {
                for (;;) {
                    pause();
                }
            }
            _exit(0);
        }
    }
    usleep(100000);
}""",
        r"run left 3 processes running; they were ended\.",
        options=" -D_DEFAULT_SOURCE",
        where=LINUX,
        why_not="only Linux counts them",
    ),
    crash(
        "a loop without end",
        """void run(void) {
    for (volatile int i = 0;; i++) {
    }
}""",
        r"`run` was ended at its time limit, after 400 ms\.",
        r"It may be a loop that does not end: it was still computing in run",
        call=SHORT,
    ),
    crash(
        "an empty loop without end",
        "void run(void) {\n    for (;;) {\n    }\n}",
        r"`run` was ended at its time limit, after 400 ms\.",
        r"It is an endless loop: the instruction jumps to itself\.",
        call=SHORT,
    ),
    crash(
        "waiting without end",
        """#include <pthread.h>
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
void run(void) { pthread_mutex_lock(&m); pthread_mutex_lock(&m); }""",
        r"`run` was ended at its time limit, after 400 ms\.",
        r"It was waiting in the operating system",
        call=SHORT,
    ),
    crash(
        "printing without end",
        """#include <stdio.h>
void run(void) {
    for (int i = 0;; i++) {
        printf("line %d\\n", i);
    }
}""",
        r"`run` was ended at its time limit, after 400 ms\.",
        r"It may be a loop that prints without end: it had printed [\d,]{7,} bytes\.",
        r"^line 0$",
        r"… [\d,]+ lines \([\d.]+ [kM]B\) not shown …",
        call=SHORT,
    ),
    crash(
        "deaf to every signal",
        """#include <signal.h>
void run(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, 0);
    for (;;) {
        __asm__ volatile("");
    }
}""",
        r"`run` was ended at its time limit, after 400 ms\.",
        r"did not answer the signal that asks",
        options=" -D_DEFAULT_SOURCE",
        call=SHORT,
    ),
    crash(
        "a handler that hides the crash",
        """#include <signal.h>
static void nothing(int n) { (void)n; }
void run(void) { signal(SIGSEGV, nothing); *(volatile int *volatile)8 = 1; }""",
        SEGV,
        r"cannot be told|handle",
        never=(r"OS thread",),
    ),
]

# ---------------------------------------------------------------- 3. what it prints

OUTPUT = [
    harmless(
        "a flood from an isolated run",
        """#include <stdio.h>
void run(void) {
    for (int i = 0; i < 300000; i++) {
        printf("line %d\\n", i);
    }
}""",
        r"^line 0$",
        r"… [\d,]+ lines \([\d.]+ MB\) not shown …",
        r"^line 299999$",
    ),
    harmless(
        "a flood from native code in the kernel",
        """#include <stdio.h>
void run(void) {
    for (int i = 0; i < 300000; i++) {
        printf("line %d\\n", i);
    }
}""",
        r"^line 0$",
        r"… [\d,]+ characters in [\d,]+ lines are not shown: ",
        r"^line 299999$",
        call="trial.run();",
    ),
    java(
        "a flood from Java",
        'for (int i = 0; i < 200_000; i++) System.out.println("row " + i);',
        says=(r"^row 0$", r"… [\d,]+ characters in [\d,]+ lines are not shown: ", r"^row 199999$"),
        fails=False,
    ),
    harmless(
        "one line without end",
        """#include <stdio.h>
void run(void) {
    for (int i = 0; i < 5000000; i++) {
        putchar('x');
    }
}""",
        r"xxxx",
        r"not shown",
    ),
    harmless(
        "binary output",
        """#include <unistd.h>
void run(void) {
    unsigned char all[256];
    for (int i = 0; i < 256; i++) {
        all[i] = (unsigned char)i;
    }
    write(1, all, sizeof all);
}""",
        r"ABCDEF",
        r"\d+ pieces of the output were not UTF-8 text; shown as \ufffd",
    ),
    harmless(
        "binary output in the kernel",
        """#include <unistd.h>
void run(void) { write(1, "a\\xff\\xfe\\0b\\x1b[31mc\\n", 12); }""",
        r"a\ufffd\ufffd\x00b",
        call="trial.run();",
    ),
    harmless(
        "reading from nobody",
        """#include <stdio.h>
void run(void) { int c = getchar(); printf(c == EOF ? "nothing to read\\n" : "read %d\\n", c); }""",
        r"nothing to read",
    ),
    harmless(
        "closing standard output",
        """#include <stdio.h>
void run(void) { puts("before"); fclose(stdout); }""",
        r"before",
    ),
]

# ---------------------------------------------------------------- 4. Java and C do not fit

MISMATCH = [
    java(
        "wrong result type",
        """interface W1 { long add(int a, int b); }
Lab.load("good", W1.class);""",
        says=(r"The two sides of `add` disagree", r"result: Java says long, C says int"),
    ),
    java(
        "wrong argument type",
        """interface W2 { int add(int a, double b); }
Lab.load("good", W2.class);""",
        says=r"argument 2 \(b\): Java says double, C says int",
    ),
    java(
        "too few arguments",
        'interface W3 { int add(int a); }\nLab.load("good", W3.class);',
        says=r"number of arguments: Java passes 1, C takes 2",
    ),
    java(
        "too many arguments",
        """interface W4 { int add(int a, int b, int c); }
Lab.load("good", W4.class);""",
        says=r"number of arguments: Java passes 3, C takes 2",
    ),
    java(
        "a type that C does not have",
        """interface W5 { int add(int a, List<String> b); }
Lab.load("good", W5.class);""",
        says=r"List has no counterpart in C",
    ),
    java(
        "missing symbol",
        """interface W6 { int ad(int a, int b); }
Lab.load("good", W6.class);""",
        says=(r"cell good has no function `ad`", r"Did you mean `add`\?"),
    ),
    java(
        "a class in place of an interface",
        'class W7 { int add; }\nLab.load("good", W7.class);',
        says=r"W7 is not an interface",
    ),
    java(
        "no such source", 'Lab.load("godo", Trial.class);', says=(r"There is no file native/godo\.c", r"00-start-here")
    ),
    java("no such struct", 'Lab.load("good").layout("node");', says=r"cell good has no struct `node`"),
    java("no such part", 'Lab.source("00-start-here", "helo");', says=(r"has no part named `helo`", r"hello")),
    java("no such function to show", 'Lab.assembly("good", "adds");', says=r"the compiler made no function `adds`"),
    java("an option that does not compile", 'Lab.load("good", Good.class, "-std=c99x");', says=r"std=c99x|c99x"),
    java("no time at all", "Lab.isolate(good, Duration.ZERO).add(1, 2);", says=r"leaves no time to run"),
    java(
        "isolating something else",
        'Lab.isolate("good").length();',
        says=r"Lab\.isolate wants what Lab\.load\(name, type\) returned, not a String",
    ),
    java("a crash that does not happen", "Lab.crash(() -> Lab.isolate(good).add(1, 2));", says=r"Nothing crashed"),
    java(
        "a bare address",
        """interface Peek { int peek(MemorySegment p); }
Peek peek = Lab.load("good", Peek.class);
Lab.isolate(peek).peek(MemorySegment.ofAddress(Arena.global().allocate(8).address()));""",
        says=r"is a bare address \(0x\w+, of no known size\) in this process",
    ),
    java(
        "a closed arena, isolated",
        """interface Peek1 { int peek(MemorySegment p); }
Peek1 peek1 = Lab.load("good", Peek1.class);
MemorySegment gone;
try (Arena arena = Arena.ofConfined()) { gone = arena.allocate(8); }
Lab.isolate(peek1).peek(gone);""",
        says=r"lies in an arena that is closed",
    ),
    java(
        "a closed arena in the kernel",
        """interface Peek2 { int peek(MemorySegment p); }
Peek2 peek2 = Lab.load("good", Peek2.class);
MemorySegment gone2;
try (Arena arena = Arena.ofConfined()) { gone2 = arena.allocate(8); }
peek2.peek(gone2);""",
        says=r"IllegalStateException: Already closed|closed",
    ),
    java(
        "no segment",
        """interface Peek3 { int peek(MemorySegment p); }
Peek3 peek3 = Lab.load("good", Peek3.class);
Lab.isolate(peek3).peek(null);""",
        says=r"Argument 1 of peek is null: pass MemorySegment\.NULL",
    ),
    java(
        "no segment, in the kernel",
        """interface Peek4 { int peek(MemorySegment p); }
Peek4 peek4 = Lab.load("good", Peek4.class);
peek4.peek(null);""",
        says=r"NullPointerException|is null",
    ),
    java(
        "the address of another process",
        """interface Where { MemorySegment where(); }
Where where = Lab.load("good", Where.class);
Lab.isolate(where).where().get(ValueLayout.JAVA_INT, 0);""",
        says=r"IndexOutOfBoundsException",
    ),
]

# ---------------------------------------------------------------- 5. the order of things

TWO = "int two(void) { return %s; }\n"
LIVE = """interface Live { int two(); }
Live live = Lab.load("90-live", Live.class);"""
HEADER = '#include "90-live.h"\nint two(void) { return TWO; }\n'

ORDER = [
    java(
        "a cell that was not run",
        "System.out.println(later.add(1, 2));",
        says=(
            r"cannot find symbol",
            r"`later` is declared by the 3rd code cell, which begins `interface Later \{",
            r"run that cell first",
        ),
    ),
    java(
        "a cell that failed",
        "Trial half = null;",
        "half.run();",
        says=(r"`half` has no value\.", r"has not run since the kernel started, or it failed"),
    ),
    java(
        "a declaration without its value",
        "Good declared;",
        "declared.add(1, 2);",
        says=(r"`declared` has no value\.", r"`declared` gets its value in the 4th code cell", r"run that cell first"),
    ),
    java(
        "isolating nothing",
        "Trial nothing = null;",
        "Lab.isolate(nothing).run();",
        says=r"Lab\.isolate was given null: the cell that loads the library has not run, or it failed",
    ),
    Edit(
        "an old handle",
        (
            "%%c old\nint version(void) { return 1; }",
            "interface Old { int version(); }\n"
            'Old old = Lab.load("old", Old.class);\n'
            'MemorySegment address = Lab.inKernel(Lab.load("old")).find("version");\n'
            "FunctionDescriptor descriptor = FunctionDescriptor.of(ValueLayout.JAVA_INT);\n"
            "MethodHandle handle = Linker.nativeLinker().downcallHandle(address, descriptor);\n"
            "address = null;",
            "%%c old\nint version(void) { return 2; }",
            "for (int i = 0; i < 3; i++) System.gc();\n"
            "int kept = (int) handle.invokeExact();\n"
            'System.out.println("handle " + kept + ", binding " + old.version());',
        ),
        (r"^handle 1, binding 2$",),
        fails=False,
    ),
    Edit(
        "the address of changed code is called",
        (
            "%%c old\nint version(void) { return 1; }",
            'MemorySegment there = Lab.load("old").find("version");\n'
            "FunctionDescriptor shape = FunctionDescriptor.of(ValueLayout.JAVA_INT);\n"
            "MethodHandle raw = Linker.nativeLinker().downcallHandle(there, shape);\n"
            "int version = (int) raw.invokeExact();\n"
            'System.out.println("version " + version);',
        ),
        (r"another process was called by its address: nothing was called", r"^version 0$"),
        fails=False,
        where=LINUX,
        why_not="elsewhere such an address is refused",
    ),
    Edit(
        "the types change under a binding",
        (
            "%%c moved\nint one(void) { return 1; }",
            """interface Moved { int one(); }
Moved moved = Lab.load("moved", Moved.class);""",
            "%%c moved\ndouble one(void) { return 1; }",
            "moved.one();",
        ),
        (r"The two sides of `one` disagree", r"Java says int, C says double"),
    ),
    Edit(
        "the function goes from under a binding",
        (
            "%%c moved\nint one(void) { return 1; }",
            """interface Moved3 { int one(); }
Moved3 moved3 = Lab.load("moved", Moved3.class);""",
            "%%c moved\nint uno(void) { return 1; }",
            "moved3.one();",
        ),
        (r"cell moved has no function `one`",),
    ),
    Edit(
        "a file is deleted",
        (Write("90-live.c", TWO % 2), LIVE, Delete("90-live.c"), "live.two();"),
        (r"There is no file native/90-live\.c",),
    ),
    Edit(
        "the file comes back",
        (
            Write("90-live.c", TWO % 2),
            LIVE,
            Delete("90-live.c"),
            "int gone = 1;",
            Write("90-live.c", TWO % 2),
            "live.two()",
        ),
        (r"^2$",),
        fails=False,
    ),
    Edit(
        "a file is broken",
        (Write("90-live.c", TWO % 2), LIVE, Write("90-live.c", TWO % "nothing"), "live.two();"),
        (
            r"90-live\.c: has changed, and its calls fail until it is mended",
            r"90-live\.c:1:\d+: error: .*nothing",
            r"return nothing",
        ),
    ),
    Edit(
        "the file is mended",
        (
            Write("90-live.c", TWO % 2),
            LIVE,
            Write("90-live.c", TWO % "nothing"),
            "int between = 1;",
            Write("90-live.c", TWO % 22),
            "live.two()",
        ),
        (r"90-live\.c: has changed; compiled with", r"^22$"),
        fails=False,
    ),
    Edit(
        "a header is edited",
        (
            Write("90-live.h", "#define TWO 2\n"),
            Write("90-live.c", HEADER),
            LIVE,
            "live.two()",
            Write("90-live.h", "#define TWO 222\n"),
            "live.two()",
        ),
        (r"^2$", r"90-live\.c: has changed; compiled with", r"^222$"),
        fails=False,
    ),
    Edit(
        "a header includes itself",
        (
            Write("90-live.c", TWO % 2),
            LIVE,
            Write("90-live.h", '#include "90-live.h"\n'),
            Write("90-live.c", HEADER),
            "live.two();",
        ),
        (r"90-live\.h:1:\d+: error: #include nested",),
    ),
    Edit(
        "a file that is not UTF-8",
        (
            Write(
                "91-latin.c",
                """/* café */
const char *word(void) { return "café"; }
int length(void) { return (int)sizeof "café"; }
""".encode("latin-1"),
            ),
            """interface Latin { String word(); int length(); }
Latin latin = Lab.load("91-latin", Latin.class);
Lab.isolate(latin).word() + " " + latin.word() + " " + latin.length()""",
        ),
        (r"^caf\ufffd caf\ufffd 5$",),
        fails=False,
    ),
    Edit(
        "an edit of a file that is not UTF-8",
        (
            Write(
                "91-latin.c",
                """/* café */
int one(void) { return 1; }
int two(void) { return 2; }
""".encode("latin-1"),
            ),
            "%%c trial --from 91-latin\nint two(void) { return 3 }",
        ),
        (r"trial\.c:2:\d+: error: expected .?;",),
    ),
]

# ---------------------------------------------------------------- 6. Java itself, and interrupts

JAVA = [
    java(
        "a Java exception",
        "int[] three = new int[3];\nthree[3] = 1;",
        says=r"ArrayIndexOutOfBoundsException: Index 3 out of bounds for length 3",
    ),
    java(
        "a Java exception in a thread",
        """Thread failing = Thread.ofPlatform().start(() -> { throw new IllegalStateException("in a thread"); });
failing.join();""",
        says=r"IllegalStateException: in a thread",
        fails=False,
    ),
    java(
        "recursion in Java",
        "int forever(int n) { return forever(n + 1) + 1; }",
        "forever(0);",
        says=r"StackOverflowError",
    ),
    java(
        "too much memory in Java",
        "long[][] all = new long[64][]; for (int i = 0; i < all.length; i++) all[i] = new long[Integer.MAX_VALUE - 8];",
        says=r"OutOfMemoryError",
    ),
    java(
        "a wrong index in native memory",
        "Arena.ofAuto().allocate(8).get(ValueLayout.JAVA_LONG, 8);",
        says=r"IndexOutOfBoundsException",
    ),
    java(
        "another thread's arena",
        "Arena confined = Arena.ofConfined();",
        """Thread.ofPlatform().start(() -> {}).join();
MemorySegment[] theirs = new MemorySegment[1];
Thread.ofPlatform().start(() -> theirs[0] = Arena.ofConfined().allocate(8)).join();
theirs[0].get(ValueLayout.JAVA_BYTE, 0);""",
        says=r"WrongThreadException",
    ),
    Edit(
        "an isolated run is interrupted",
        (
            """%%c trial
#include <stdio.h>
void run(void) {
    puts("begun");
    for (;;) {
    }
}""",
            Interrupted("Lab.isolate(trial).run();", "begun"),
        ),
        (r"Interrupted",),
        never=(r"processor busy",),
    ),
    Edit(
        "an isolated flood is interrupted",
        (
            """%%c trial
#include <stdio.h>
void run(void) {
    for (;;) {
        puts("begun");
    }
}""",
            Interrupted("Lab.isolate(trial).run();", "begun"),
        ),
        (r"Interrupted",),
        never=(r"processor busy",),
    ),
    Edit(
        "a wait is interrupted",
        (Interrupted('{ System.out.println("begun");\nThread.sleep(60_000); }', "begun"),),
        (r"Interrupted",),
        never=(r"processor busy",),
    ),
    Edit(
        "an interrupt between two statements",
        (Interrupted('System.out.println("begun");\nThread.sleep(60_000);', "begun"),),
        (r"Interrupted",),
        never=(r"processor busy",),
    ),
]

TABLE = COMPILE + CRASHES + OUTPUT + MISMATCH + ORDER + JAVA


# ---------------------------------------------------------------- the kernel that all of them run in


GOOD = """%%c good
int add(int a, int b) { return a + b; }
int peek(const int *p) { return *p; }
static int somewhere = 5;
int *where(void) { return &somewhere; }
"""

DECLARATIONS = [
    """interface Good { int add(int a, int b); }
Good good = Lab.load("good", Good.class);""",
    "%%c trial\nvoid run(void) {}",
    """interface Trial { void run(); }
Trial trial = Lab.load("trial", Trial.class);""",
    "%%c value\nint value(int a) { return a; }",
    """interface Value { int value(int a); }
Value value = Lab.load("value", Value.class);""",
    "%%c swaps --from 03-a-single-stack-swap\nint extra = 1;",
    """interface Swaps { int swap_once(long size); }
Swaps swaps = Lab.load("swaps", Swaps.class);""",
]

# The notebook on disk, as Jupyter's server names it: the kernel reads there which cell to run first.
SAVED = [
    "%load lab/start.jshell",
    """interface Good { int add(int a, int b); }
Good good = Lab.load("good", Good.class);""",
    """interface Later { int add(int a, int b); }
Later later = Lab.load("good", Later.class);""",
    'Good declared = Lab.load("good", Good.class);',
]


class Lab:
    """A kernel on a checkout of its own, and all that came out of it."""

    def __init__(self, tree):
        self.tree = tree
        self.native = tree / "native"
        notebook = tree / "notebooks" / "bad-edits.ipynb"
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in SAVED])
        nbformat.write(book, notebook)
        self.build = tree / "build"
        self.kernel = Kernel(
            tree / "notebooks",
            env={
                "GREEN_THREADS_HOME": tree,
                "GREEN_THREADS_BUILD": self.build,
                "IJAVA_STARTUP_SCRIPTS_PATH": tree / "notebooks" / "lab" / "start.jshell",
                "JPY_SESSION_NAME": notebook,
            },
        )
        self.pid = self.kernel.pid
        try:
            for cell in ["%load lab/start.jshell", GOOD, *DECLARATIONS]:
                self.kernel.ok(cell)
        except BaseException:
            self.kernel.stop()
            raise

    def step(self, step):
        match step:
            case Write(path, content):
                data = content.encode() if isinstance(content, str) else content
                (self.native / path).write_bytes(data)
                return None
            case Delete(path):
                (self.native / path).unlink()
                return None
            case Interrupted(code, seen):
                run = self.kernel.send(code)
                self.kernel.wait_for(run, seen)
                self.kernel.interrupt()
                self.kernel.wait(run, timeout=10)
                return run
            case _:
                return self.kernel.run(step)

    def left_behind(self):
        """What is left at once; and of what the lab ends by itself, once nobody can call into it, what stays."""
        deadline = time.monotonic() + 10
        while (left := self.others()) and all(" --live " in command for command in left.values()):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        return left

    def others(self):
        """Every process that inherited the kernel's environment or descends from it, but not the kernel."""
        if not LINUX:
            return descendants(self.pid)
        mark = f"GREEN_THREADS_BUILD={self.build}".encode()
        left = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.pid:
                continue
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    left[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has ended, or belongs to somebody else
        found = {**descendants(self.pid), **left}
        return {pid: command for pid, command in found.items() if not is_kept(pid, self.pid)}


def is_kept(pid, kernel):
    """A process that changed code lives on in, and those that watch it; not what the code has started."""

    def parent(process):
        try:
            return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return 0

    def guards(process):
        try:
            command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return b"--live" in command and parent(process) == kernel

    # The guard, the watcher, and its first child, the runner. Whoever else the watcher has is an orphan.
    above = parent(pid)
    return guards(pid) or guards(above) or (guards(parent(above)) and pid == min(n for n, _ in children_of(above)))


def descendants(pid):
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    parents = {int(row[0]): int(row[1]) for row in rows}
    commands = {int(row[0]): row[2] + " " + row[3] for row in rows}
    found = {}
    for process in parents:
        at = process
        while at in parents and at not in (0, pid):
            at = parents[at]
        if at == pid and process != pid:
            found[process] = commands[process]
    return found


@pytest.fixture(scope="module")
def labs(tmp_path_factory):
    """The kernel that the whole table runs in; only one that was killed is replaced."""
    made = []

    def current():
        assert len(made) < 5, "kernels die one after the other"
        if not made or not made[-1] or not made[-1].kernel.alive:
            made.append(None)
            made[-1] = Lab(copy_of_project(tmp_path_factory.mktemp("bad-edits") / "tree"))
        return made[-1]

    yield current
    for lab in filter(None, made):
        lab.kernel.stop()


# No reader should see any of this, whatever went wrong.
PLUMBING = [
    r"REPL\.\$JShell",
    r"\bmerged-",  # the file that %%c --from puts together
    r"greenthreads\.lab\.\w",
    r"io\.github\.spencerpark",
    r"jdk\.jshell",
    r"^\s+at \w+(\.\w+)+\(",
    r"Exception in thread \"(isolated-run|cell-output)",
]


def check(lab, edit):
    started = time.monotonic()
    runs = []
    for step in edit.steps:
        run = lab.step(step)
        if run is None:
            continue
        if step is not edit.steps[-1]:
            assert run.status == "ok", f"{step!r} failed:\n{run.text}"
        runs.append(run)
    text = "".join(run.text for run in runs)
    if os.environ.get("BAD_EDITS_LOG"):
        with open(os.environ["BAD_EDITS_LOG"], "a", encoding="utf-8") as log:
            print(f"=== {edit.id}  [{runs[-1].status}, {time.monotonic() - started:.2f} s]\n{text[:6000]}", file=log)

    # Whatever it was, the notebook goes on.
    good = lab.kernel.run("System.out.println(good.add(20, 22));")
    assert (good.status, good.text) == ("ok", "42\n"), f"the next cell printed {good.text!r}, after:\n{text}"
    assert lab.kernel.alive and lab.kernel.pid == lab.pid, "it is another kernel"
    assert lab.left_behind() == {}, f"processes were left running, after:\n{text}"

    if edit.fails is not None:
        assert runs[-1].status == ("error" if edit.fails else "ok"), text
    for pattern in edit.says:
        assert re.search(pattern, text, re.MULTILINE), f"{pattern!r} was not said:\n{text}"
    for pattern in (*edit.never, *PLUMBING):
        assert not re.search(pattern, text, re.MULTILINE), f"{pattern!r} was said:\n{text}"
    causes = re.findall(r"^Likely cause: +(.*)$", text, re.MULTILINE)
    if edit.cause:
        assert len(causes) == 1, text
        assert re.search(edit.cause, causes[0]), f"the cause named is: {causes[0]}\n{text}"
        assert causes[0] in runs[-1].error, "the error and the report name different causes"
    else:
        assert not causes, text
    assert len(text) < 1_000_000 and sum(len(run.outputs) for run in runs) < 1_000, "a browser would stall"
    return text


@pytest.mark.parametrize("edit", TABLE, ids=[edit.id for edit in TABLE])
def test_bad_edit(labs, edit):
    if not edit.where:
        pytest.skip(edit.why_not)
    check(labs(), edit)


def test_the_table_is_long_enough():
    assert len({edit.id for edit in TABLE}) == len(TABLE) >= 45


# ---------------------------------------------------------------- what only a restart ends


def test_code_that_an_interrupt_cannot_stop():
    """Last, and in a kernel of its own, which is killed at once: each of these keeps a core busy."""
    with Kernel() as k:
        for cell in ["%load lab/start.jshell", GOOD, *DECLARATIONS[:3]]:
            k.ok(cell)
        k.ok("""%%c trial
#include <stdio.h>
void run(void) {
    puts("begun");
    for (volatile int i = 0;; i++) {
    }
}""")
        for code, where in (
            ('System.out.println("begun");\nwhile (true) { Thread.onSpinWait(); }', r"in Java"),
            ("Lab.inKernel(trial).run();", r"in native code, called as `run`"),
        ):
            run = k.send(f"{{ {code} }}")
            k.wait_for(run, "begun")
            k.interrupt()
            k.wait(run, timeout=10)
            assert run.status == "error" and "Interrupted." in run.error, run.text
            assert re.search(rf"still running \({where}\) and keeps a processor busy", run.error), run.text
            assert "Restart Kernel" in run.error and "Lab.isolate(x).f() in place of x.f()" in run.error, run.text
            assert k.ok("System.out.println(good.add(20, 22));").text == "42\n"
            assert "a processor busy" not in k.fails("int x = ;").text, "said again, of another cell"
