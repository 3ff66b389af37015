"""Why native code ended is told for what it is, or said to be unknown: never with more certainty than there is.

Each case runs twice: isolated, and as a chapter's cell runs code that a reader has changed, in a process that
lives on between calls.
"""

import re
from dataclasses import dataclass

import pytest

from project import copy_of_project
from test_bad_edits import LINUX, X86_64, Lab, assembly

SECONDS = 30  # about as long as it takes

HEAD = """#ifdef __APPLE__
#define _DARWIN_C_SOURCE
#else
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif
"""

DEEP = """__attribute__((noinline)) static int deep(int n) {
    volatile char frame[512];
    frame[0] = (char)n;
    return deep(n + 1) + frame[0];
}
"""

# Only getppid is not allowed.
FILTER = """static void refuse(unsigned how) {
    struct sock_filter code[] = {{0x20, 0, 0, 0}, {0x15, 0, 1, SYS_getppid}, {6, 0, 0, how}, {6, 0, 0, SECCOMP_RET_ALLOW}};
    struct sock_fprog program = {4, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    getppid();
}
"""


@dataclass(frozen=True)
class End:
    id: str
    body: str  # what run() does; or whole functions, if it has no statements of its own
    cause: str
    before: str = ""
    never: tuple = ()
    living: bool = True  # False: there other threads go on, and only the time limit ends the call
    where: bool = True

    @property
    def code(self):
        return f"{HEAD}{self.before}void run(void) {{ {self.body} }}\n" if self.body else HEAD + self.before


def linux(*arguments, **more):
    return End(*arguments, where=LINUX, **more)


def x86(id, cause, *lines, **more):
    return End(id, "", cause, before=assembly(*lines), where=X86_64 and LINUX, **more)


NEVER_NULL = (r"null pointer", r"through null")

ENDS = [
    # 8. A stack fault is SIGBUS with address 0.
    x86("rsp is no address, at a ret", r"^rsp is 0x4141414141414140, which is no address at all, and `ret`",
        "mov rax, 0x4141414141414140", "mov rsp, rax", "ret", never=NEVER_NULL),
    x86("rsp is no address, at a push", r"^rsp is 0x4141414141414140, which is no address at all, and `push`",
        "mov rax, 0x4141414141414140", "mov rsp, rax", "push rax", never=NEVER_NULL),
    x86("rbp is no address", r"^rbp is 0x4141414141414140, which is no address at all, and `leave`",
        "mov rbp, 0x4141414141414140", "leave", "ret", never=NEVER_NULL),
    # 9. An array as a stack.
    End("an array as the alternate signal stack", "stack_t s = {.ss_sp = alternate, .ss_size = sizeof alternate};"
        "sigaltstack(&s, 0); struct sigaction a = {.sa_handler = handler, .sa_flags = SA_ONSTACK};"
        "sigaction(SIGUSR1, &a, 0); raise(SIGUSR1);",
        r"very likely a stack overflow, on a static or global array|^Stack overflow: .* the alternate signal stack",
        before="static char alternate[65536];" + DEEP + "static void handler(int n) { deep(n); }\n",
        never=(r"string literal",)),
    # 10. Ends that are no fault, and signals that somebody sends.
    End("pthread_exit", "pthread_exit(0);", r"^The thread that made the call ended itself: by pthread_exit"),
    End("pthread_cancel", "pthread_cancel(pthread_self()); pthread_testcancel();",
        r"^The thread that made the call ended itself: .*cancelled"),
    linux("descriptors closed, and back", "for (int i = 3; i < 1024; i++) close(i);",
          r"^The function returned, but its result could not be told: very likely it has closed file descriptors",
          never=(r"_exit",)),
    linux("descriptors closed, and a fault", "for (int i = 3; i < 1024; i++) close(i); *(volatile int *volatile)0 = 1;",
          r"^The code writes through a null pointer(: \w+ is 0)?\.$"),
    End("a child faults, the parent aborts", "if (fork() == 0) *(volatile int *volatile)0 = 1; wait(0); abort();",
        r"abort\(\)", never=NEVER_NULL),
    End("a child calls exit, the parent _exit", "if (fork() == 0) exit(3); wait(0); _exit(4);",
        r"very likely by _exit\(4\)"),
    End("a child comes back, the parent is killed", "if (fork() == 0) return; wait(0); kill(getpid(), SIGKILL); pause();",
        r"^Something killed the process: it may"),
    End("a child sends a signal", "if (fork() == 0) { kill(getppid(), SIGFPE); _exit(0); } for (;;) pause();",
        r"^Another process sent SIGFPE: no instruction of this one"),
    End("a broken pipe", 'int p[2]; if (pipe(p)) abort(); close(p[0]); (void)!write(p[1], "x", 1);',
        r"^The code wrote to a pipe or a socket that nobody reads any more" if LINUX else r"pipe"),
    End("raise(SIGPIPE)", "raise(SIGPIPE);", r"^The code (sent SIGPIPE to itself, with raise|may have written)"),
    linux("kill(SIGPIPE)", "kill(getpid(), SIGPIPE);", r"^The code sent SIGPIPE to itself, with raise\(\) or kill\(\)"),
    linux("an alarm", "ualarm(1000, 0); for (;;) pause();", r"^A timer ran out \(alarm, or setitimer\), and nothing handles SIGALRM"),
    linux("raise(SIGALRM)", "raise(SIGALRM);", r"^The code sent SIGALRM to itself"),
    linux("a profiling timer",
          "struct itimerval t = {.it_value = {0, 1000}}; setitimer(ITIMER_PROF, &t, 0); for (volatile int i = 0;; i++) { }",
          r"^A timer ran out \(setitimer\), and nothing handles SIGPROF"),
    linux("a file's limit", "struct rlimit r = {10, 10}; setrlimit(RLIMIT_FSIZE, &r);"
          'int f = memfd_create("f", 0); (void)!write(f, "0123456789", 10); (void)!write(f, "a", 1);',
          r"^The code made a file larger than its limit allows"),
    linux("raise(SIGXFSZ)", "raise(SIGXFSZ);", r"^The code sent SIGXFSZ to itself"),
    linux("a real-time signal", "raise(SIGRTMIN + 3);", r"^The code sent SIGRTMIN\+3 to itself"),
    End("raise(SIGSEGV)", "raise(SIGSEGV);", r"^The code sent SIGSEGV to itself"),
    linux("raise(SIGABRT)", "raise(SIGABRT);", r"^The code sent SIGABRT to itself", never=(r"Likely cause: .*abort\(\)",)),
    End("words like the C library's", 'fprintf(stderr, "my malloc failed: Assertion of mine\\n"); abort();',
        r"abort\(\)", never=(r"bookkeeping", r"did not hold")),
    # 11. Control, and instructions that only the system may use.
    End("a tail call through null", "inner(); __asm__ volatile(\"\");",
        r"^It jumped to null; very likely by a (jump \(a tail call\)|call) through a function pointer",
        before="void (*volatile pointer)(void);\n__attribute__((noinline)) void inner(void) { pointer(); }\n",
        never=(r"by a ret",)),
    linux("longjmp without setjmp", "longjmp(buffer, 1);", r"very likely longjmp\(\) was given a buffer that setjmp\(\) has not filled",
          before="static jmp_buf buffer;\n"),
    x86("fs is lost", r"^The thread pointer \(fs\) is 0x0, which is not the thread's own",
        "mov eax, 158", "mov edi, 0x1002", "xor esi, esi", "syscall", "mov rax, fs:[0x28]", "ret", never=NEVER_NULL),
    x86("alignment is checked", r"^The processor was told to check alignment \(the AC flag is set\)",
        "pushfq", "or qword ptr [rsp], 0x40000", "popfq", "mov eax, [rsp + 1]", "ret"),
    x86("alignment is checked after the return", r"^The function returned, and left the processor checking alignment|AC flag",
        "pushfq", "or qword ptr [rsp], 0x40000", "popfq", "ret"),
    x86("ldmxcsr", r"^ldmxcsr refused what it was to load: very likely bits of it are set",
        "mov dword ptr [rsp - 8], -1", "ldmxcsr [rsp - 8]", "ret"),
    x86("rdpmc", r"^rdpmc is for the operating system itself only", "xor ecx, ecx", "rdpmc", "ret"),
    x86("a control register", r"^mov rax,\s*cr3 is for the operating system itself only", "mov rax, cr3", "ret"),
    x86("an interrupt", r"^`int 0x41` calls an interrupt that programs may not call", "int 0x41", "ret"),
    x86("a segment register", r"loads a segment register with what is no segment", "mov eax, 0x1234", "mov ds, eax", "ret"),
    linux("the time stamp is switched off", 'prctl(PR_SET_TSC, PR_TSC_SIGSEGV); __asm__ volatile("rdtsc" : : : "rax", "rdx");',
          r"^rdtsc is switched off for this process") if X86_64 else None,
    x86("a quotient that does not fit", r"^The quotient does not fit its register: the dividend has two registers",
        "mov edx, 7", "mov eax, 1", "mov ecx, 2", "div ecx", "ret", never=(r"divided by -1",)),
    x86("movaps with an offset of its own", r"^The address is misaligned: movaps", "movaps [rsp - 20], xmm0", "ret",
        never=(r"The stack is misaligned",)),
    x86("a jump by a register that nobody set", r"^It goes on where rbx says, which the code has not set", "jmp rbx"),
    # 12. Stacks that are gone or limited, handlers, vfork, seccomp.
    x86("the main stack unmapped", r"^The code stands on a stack that has been given back: the process's main stack is no longer mapped",
        "lea rdi, [rsp - 0x40000]", "and rdi, -4096", "mov esi, 0x80000", "mov eax, 11", "syscall", "ret"),
    linux("a limit on the stack", "struct rlimit r = {256 << 10, 256 << 10}; setrlimit(RLIMIT_STACK, &r); deep(0);",
          r"^Stack overflow: .*262,144 bytes \(RLIMIT_STACK\)\. The frames on it repeat: `deep`", before=DEEP),
    linux("vfork comes back twice", "if (vfork() == 0) return; puts(\"\");",
          r"^Very likely the child that vfork\(\) made has returned from the function",
          living=False),  # there the parent may find its way back on the spoiled stack
    linux("seccomp, strict", "prctl(PR_SET_SECCOMP, 1); getppid();", r"[Ss]eccomp ended the process", living=False),
    linux("seccomp, a trap", "refuse(SECCOMP_RET_TRAP);", r"^A filter \(seccomp\) does not allow the system call with the number \d+\.", before=FILTER),
    linux("seccomp, an end", "refuse(SECCOMP_RET_KILL_PROCESS);", r"[Ss]eccomp ended the process", before=FILTER),
    # 13. No free descriptor.
    linux("no free descriptor", 'while (open("/dev/null", O_RDONLY) >= 0) { } *(volatile int *volatile)0 = 1;',
          r"^The code writes through a null pointer(: \w+ is 0)?\.$", never=(r"which is no code",)),
    linux("no descriptors allowed", "struct rlimit r = {0, 0}; setrlimit(RLIMIT_NOFILE, &r); *(volatile int *volatile)0 = 1;",
          r"^The code writes through a null pointer(: \w+ is 0)?\.$", never=(r"which is no code",)),
    # 14. Recursion, and one big array.
    End("recursion", "deep(0);", r"^Stack overflow: .* The frames on it repeat: `deep` calls itself again and again\.", before=DEEP),
    End("recursion of two", "one(0);", r"^Stack overflow: .* The frames on it repeat: `(one|two)` and `(one|two)` call each other",
        before="int two(int);\n"
        "__attribute__((noinline)) int one(int n) { volatile char f[200]; f[0] = (char)n; return two(n + 1) + f[0]; }\n"
        "__attribute__((noinline)) int two(int n) { volatile char f[300]; f[0] = (char)n; return one(n + 1) + f[0]; }\n"),
    End("one big array", "volatile char big[256 << 20]; for (long i = 0; i < (long)sizeof big; i++) big[i] = 1;",
        r"stack overflow: `run` takes 268,4\d\d,\d{3} bytes of stack", never=(r"repeat",)),
    # And what lies near them.
    End("below null", "*(volatile int *volatile)-8L = 1;", r"null - 8: very likely a null pointer" if X86_64 else r"very likely"),
    linux("another program", 'execl("/bin/true", "true", (char *)0);', r"was called `true` by then: very likely that program took its place"),
    linux("all signals blocked", "sigset_t s; sigfillset(&s); sigprocmask(SIG_BLOCK, &s, 0); *(volatile int *volatile)0 = 1;",
          r"^The cause cannot be told: the code blocks signals"),
    End("memory that may only be read", "volatile char *m = mmap(0, 65536, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 0); m[9] = 1;",
        r"memory that may only be read", never=(r"string literal",)),
]
ENDS = [end for end in ENDS if end]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = Lab(copy_of_project(tmp_path_factory.mktemp("ends") / "tree"))
    yield made
    made.kernel.stop()


@pytest.mark.parametrize("end", ENDS, ids=[end.id for end in ENDS])
def test_an_end_is_told_for_what_it_is(lab, end):
    if not end.where:
        pytest.skip("of x86-64's or Linux's own")
    lab.kernel.ok(f"%%c trial\n{end.code}")
    for call in ["Lab.isolate(trial).run();", "trial.run();"][: 1 + end.living]:
        run = lab.kernel.fails(call)
        causes = re.findall(r"^Likely cause: +(.*)$", run.text, re.M)
        assert len(causes) == 1 and re.search(end.cause, causes[0]), f"{call}\n{run.text}"
        assert causes[0] in run.error, run.text
        for pattern in end.never:
            assert not re.search(pattern, run.text), f"{call}: {pattern!r} was said:\n{run.text}"
        assert lab.kernel.ok("System.out.println(good.add(20, 22));").text == "42\n"
        assert lab.kernel.alive and lab.kernel.pid == lab.pid
        assert lab.left_behind() == {}, run.text


@pytest.mark.skipif(not LINUX, reason="only there a fault of a child's is kept apart")
def test_a_childs_fault_is_not_its_parents(lab):
    lab.kernel.ok(f"%%c trial\n{HEAD}void run(void) {{ if (fork() == 0) *(volatile int *volatile)0 = 1; wait(0); }}")
    for call in "Lab.isolate(trial).run();", "trial.run();":
        assert "crashed" not in lab.kernel.ok(call).text


def test_a_handler_that_returns_is_told_from_a_loop(lab):
    handler = "static void nothing(int n) { (void)n; }\n"
    installed = "struct sigaction a = {.sa_handler = nothing}; sigaction(SIGSEGV, &a, 0);"
    for body, cause in (
        ("*(volatile int *volatile)0 = 1;", r"It may be a handler that returns to the instruction that failed"),
        ("for (volatile int i = 0;; i++) { }", r"It may be a loop that does not end"),
    ):
        lab.kernel.ok(f"%%c trial\n{HEAD}{handler}void run(void) {{ {installed} {body} }}")
        run = lab.kernel.fails("Lab.isolate(trial, Duration.ofMillis(800)).run();")
        assert re.search(r"^Likely cause: +" + cause, run.text, re.M), run.text
