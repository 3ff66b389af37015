"""What must stand under the chapters' cells when they are run from top to bottom.

For each chapter a dict: cell id to a pattern, or a list of patterns, each to be found in the cell's
text (lines anchored by ^ and $). A cell that prints something and is not named here fails the tests,
and so does a name that no cell has. Cells tagged exercise and check have tests of their own.
"""

READY = r"\AThe lab is ready: JDK \d+, .+ on (x86-64|AArch64)\.\n\Z"


def loaded(what):
    """The one line that a load prints, whether or not somebody loaded it before."""
    return rf"\A{what}: (compiled with \S.* in|unchanged, loaded from the cache in) [\d.]+ m?s\.$"


COST = r"[\d,]+\.\d ns, or [\d,]+ × a call\.$"
# What goes through the operating system: the recap says hundreds or thousands of calls.
DEAR = r"[\d,]+\.\d ns, or ([1-9]\d\d|[\d,]{5,}) × a call\.$"
TRACE = r"^[AB.]{72}  changed hands \d+ times$"

EXPECTED = {
    "00-start-here": {
        "load": READY,
        "machine": [
            r"^operating system +\S",
            r"^architecture +(x86-64|AArch64)$",
            r"^processors +[1-9]\d*$",
            r"^Java +(2[5-9]|[3-9]\d)",
            r"^C compiler +(gcc|clang|Apple clang) [\d.]+$",
        ],
        "raw-lookup": r"\AMemorySegment\{.*byteSize: 0 \}\n\Z",
        "raw-descriptor": r"\AMethodHandle\(\)int\n\Z",
        "raw-call": r"\AC says (\d+), Java says \1\.\n\Z",
        "raw-exact": r"handle's method type \(\)int but found \(\)Object",
        "raw-void-error": r"handle's method type \(int\)void but found \(int\)Object",
        "raw-void-block": r"\A\[(\d+), \1\]\n\Z",
        "raw-strlen": r"\AMethodHandle\(MemorySegment\)long\n\Z",
        "raw-arena": r"\Alength\(\): +4\nstrlen: +5\nbyteSize\(\): +6\n\Z",
        "first-source-hello": [r"^native/00-start-here\.c", r"^void hello\(void\)", r'printf\("Hello from C'],
        "first-source-mean": [r"^native/00-start-here\.c", r"^double mean\(const int \*values, int count\)"],
        "first-load": loaded(r"00-start-here\.c"),
        "first-again": r"\A00-start-here\.c: unchanged, loaded from the cache in [\d.]+ ms\.\n\Z",
        "first-bind": r"\A42\n\Z",
        "first-print": r"\AHello from C\.\nHello from Java\.\nHello from C\.\n\Z",
        "first-mean": r"\A3\.8333333333333335\n\Z",
        "wrong-type": [
            r"^The two sides of `add` disagree\.$",
            r"^ +Java: long add\(long, long\) .*interface TooWide",
            r"^ +C: +int add\(int a, int b\) .*00-start-here\.c:\d+",
        ],
        "wrong-name": [r"has no function `ad`", r"^ +C: .*\badd\b", r"^Did you mean `add`\?$"],
        "edit-greeting": loaded("cell greeting"),
        "edit-both": [loaded("cell greeting"), r"\nHello from a cell\.\nHello from C\.\n\Z"],
        "edit-broken": [r"^cell broken does not compile", r"^broken\.c:3:\d+: error: expected .;."],
        "crash": [r"SIGSEGV", r"0x0\b"],
        "crash-alive": r"\A42\n\Z",
        "experiment-strlen": r"\Alength\(\) 5, strlen 5\n\Z",
        "experiment-count": r"\A3\.8333333333333335\n\Z",
    },
    "01-why-green-threads": {
        "load": READY,
        "work-alone": r"\A([5-9]\d\d|\d{4,})\.\d ms passed, \d+\.\d ms of them at work\.\n\Z",
        "threads-ten": r"\A([5-9]\d|\d{3,})\.\d ms passed, with \d+ processors\.\n\Z",
        "native": loaded(r"01-why-green-threads\.c"),
        "preemptive-listing": r"^static void \*run_without_yielding",
        "preemptive-run": [
            rf"(?m)\A({TRACE}\n){{3}}",
            r"^(Both threads were kept on one core|This system does not keep threads on a core: .*)\.$",
        ],
        "cooperative-task": r"^struct task \{",
        "cooperative-resume": r"^static void resume\(struct task \*task",
        "cooperative-run": r"\A((?:AB){36}  72 turns\n)\1\1\Z",
        "experiment-patience-run": r"\A(AAAB){9}.*AAAB+  \d+ turns\n\Z",
        "greedy-edit": loaded("cell greedy"),
        "greedy-run": [loaded("cell greedy"), r"^It is the turn of A\.$", r"(?i)1 s\b|1 second|time"],
        "costs-call": rf"\Acall of a C function: {COST}",
        "costs-thread": rf"\AOS thread, made and ended, from C: {DEAR}",
        "costs-java": [
            rf"^platform thread, made and ended: {DEAR}",
            rf"^virtual thread, made and ended: {COST}",
        ],
        "costs-switch": rf"\Aswitch of OS threads, from C: {DEAR}",
        "costs-handover": [
            rf"^hand-over of platform threads: {DEAR}",
            rf"^hand-over of virtual threads: {COST}",
        ],
        "costs-table": [
            r"\AWhat threads cost on this machine",
            # Cheapest first: nothing is cheaper than a call.
            r"^what +ns +calls\ncall of a C function +[\d.]+ +1$",
            r"^hand-over of virtual threads +[\d,]+\.\d +[\d,]+$",
            r"^OS thread, made and ended, from C +[\d,]+\.\d +[\d,]+$",
        ],
        "memory-os": r"\ATouched: \d{1,2},\d{3} bytes, in pages of [\d,]+\.\n\Z",
        "memory-virtual": [
            r"^10,000 virtual threads waiting after \d+ ms\.$",
            r"^Each keeps about [\d,]+ bytes of the heap\.$",
        ],
        "experiment-crowd-run": [r"^ +500 waiting after .* µs each$", r"^ *10,000 waiting after .* µs each$"],
        "million": [r"\AA million conversations", r"^let them wait: memory touched +[\d.,]+ GB +[\d.,]+ GB$"],
        "ex2-struct": r"^struct talk \{",
    },
    "02-registers-and-calls": {
        "calls-start": READY,
        "registers-load": loaded(r"02-registers-and-calls\.c"),
        "registers-layout": r"\A\d\d registers in \d+ bytes\n\Z",
        "registers-show": [
            r"^The registers: (18|34) of them, in three groups",
            r"^ +(rsp|sp) +[0-9a-f]{16} +the stack pointer$",
            r"^ +(rip|pc) +[0-9a-f]{16} +in registers_now \+ \d+$",
            r"^ +\w+ +[0-9a-f]{16} +the struct that holds this picture, its start$",
            r"^ +\w+ +[0-9a-f]{16} +this stack, r?sp \+ \d+$",
        ],
        "parts-run": [
            r"^(rax|x0) +2222222222222222$",
            r"^(eax|w0) +0000000022222222$",
            r"^(ax|x0\[15:0\]) +1111111111112222$",
            r"^(ah|x0\[15:8\]) +1111111111112211$",
            r"^(al|x0\[7:0\]) +1111111111111122$",
        ],
        "arguments-show": [
            r"^a +(rdi|x0) +&found$",
            r"^f +(r9|x5) +106$",
        "parts-picture": [r"8 bytes changed, marked ●\.$", r"^(eax|w0) +31 to 0 +11111111 +22222222$"],
            r"^g +(stack 0|x6) +107$",
            r"^j +(stack 3|stack 1) +110$",
        ],
        "return-run": r"\AThe call returns to ten_arguments \+ [1-9]\d* bytes\.\n\Z",
        "return-assembly": [r"^ten_arguments:$", r"^ +(call|bl) +record_arguments"],
        "planted-show": [
            r"^Survived all three: \[(rbx, rbp, r12, r13, r14, r15|x19, .*x29)\]$",
            r"^The ABI's promise: +\[(rbx, rbp, r12, r13, r14, r15|x19, .*x29)\]$",
            r"^The promise is kept: true$",
        ],
        "promise-source": loaded("cell betrayed"),
        # The prose: no crash and no message, a wrong number.
        "promise-run": [loaded("cell betrayed"), r"^(?!42$)-?\d+$"],
        "planted-picture": [
            r"^\* (rax|x0) +00000000feed0000 +-> +\S",
            r"^  (rbx|x19) +00000000feed00[0-9a-f]{2} +the same",
        ],
        "promise-assembly": [r"^keep:$", r"^ +(call|bl) +break_a_promise"],
        "dialects-source": [r"\(next_intel\)", r"\(next_att\)"],
        "dialects-run": [r"^Intel +([0-9a-f ]+)\nAT&T +\1$"],
        "compiler-code": [
            r"^square_sum in C and as machine code\. -O0, .*: \d+ instructions; -O2, .*: \d instructions\.$",
            r"\[(rbp|sp)|\[rbp\]",
            r"^160 +i?(mul|madd)",
        ],
        "compiler-count": [r"^-O0 +\d+ +[1-9]\d*$", r"^-O2 +\d +0$", r"^-O3 +\d +0$"],
        "alignment-run": r"\A0\n\Z",
        "pointer-source": r"\(capture\)",
        "pointer-run": [
            r"^(rip|pc) was registers_now \+ [1-9]\d* bytes, just behind the call\.$",
            r"^To be kept: (6 callee-saved registers and rsp|11 callee-saved registers and sp), of \d+ registers\.$",
        ],
        "experiment-parts": r"\A(eax|w0): 0000000000000080\n\Z",
        "experiment-work": loaded("cell mywork"),
        "experiment-work-run": [loaded("cell mywork"), r"^kept: \[.*(rbx.*r15|x19.*x29)\]$"],
        "experiment-levels": [r"\A.* at -O1$", r"^square_sum:$"],
        "exercise-1-call": loaded("cell mixed"),
        "exercise-1-help": loaded("cell mixed"),
        "exercise-2-help": loaded("cell repaired"),
        "exercise-1-help": loaded("cell mixed"),
        "exercise-2-help": loaded("cell repaired"),
    },
    "03-a-single-stack-swap": {
        "swap-start": READY,
        "hello-source": [r"^void hello\(void\)", r"I LOVE WAKING UP ON A NEW STACK!"],
        "forge-load": loaded(r"03-a-single-stack-swap\.c"),
        "forge-show": [
            r"^top − 8 +0{16} +\* (a5){8} +paint, untouched$",
            r"^top − 16 = +0{16} +\* (a5){8} +paint, untouched$",
            r"^top − 24 +0{16} +\* [0-9a-f]{16} +brings it home: start of way_home$",
            r"^top − 32 = +0{16} +r?sp > +\* [0-9a-f]{16} +starts the function: start of hello$",
            r"^top − 40 +0{16} +\* (a5){8} +paint, untouched$",
        ],
        "forge-source": r"^int forge\(void \*stack, size_t size\)",
        "swap-source": r"\(swap\)",
        "swap-run": r"\AI LOVE WAKING UP ON A NEW STACK!\nswap_on returned 0\.\n\Z",
        "home-source": r"\(way_home\)",
        "pointer-run": [
            r"^sp_before +(0x[0-9a-f]+) +old stack\n(.*\n)+?sp_after +\1 +old stack$",
            r"^sp_new +0x[0-9a-f]+ +new stack, top - 32$",
        "home-step": [
            r"^I LOVE WAKING UP ON A NEW STACK!$",
            r"^swap, way_home, recorded one instruction at a time: \d+ instructions on 2 stacks\.$",
            r"^\d +swap.* r?sp jumps from the old stack to the new stack, top − 32\.$",
            r"^\d+ +way_home.* r?sp jumps from the new stack to the old stack",
        ],
        "swap-traces": [
            r"before and after: \d+ words changed",
            r"^top − 16 .* \* [0-9a-f]{16} +the old stack pointer: ",
            r"^top − 24 .* {3}[0-9a-f]{16} +brought it home: start of way_home$",
        ],
            r"^sp_in_hello +0x[0-9a-f]+ +new stack, top - \d+$",
        ],
        "caller-source": r"\Avoid hello\(void\).*\n\Z",
        "caller-assembly": [r"\b(call|bl)\b.*\bswap\b", r"\A(?!.*\bhello\b)"],
        "caller-ask": loaded("cell asking"),
        "caller-ask-run": [loaded("cell asking"), r"^I return to way_home\.$"],
        "left-run": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"^stored old sp = sp_before - (8|16)$"],
        "alignment-run": [
            r"^loaded by swap +new stack, top - 32 +0$",
            r"^first instruction of hello +new stack, top - (24 +8|16 +0)$",
            r"^at a call inside hello +new stack, top - \d+ +0$",
        ],
        "used-run": r"\Ahello used \d{3,5} bytes of the new stack, \d+\.\d times the book's 48\.\n\Z",
        "small-source": loaded("cell small"),
        "small-run": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"^[1-9]\d{2,4} bytes below the 48 were overwritten\.$"],
        "experiment-size": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"^hello used \d+ of 16384 bytes\.$"],
        "experiment-own": loaded("cell mine"),
        "experiment-own-run": [
            loaded("cell mine"),
            r"^3 …\n2 …\n1 …\nGood morning!$",
            r"^It used \d{3,5} bytes\.$",
        ],
        "experiment-lost": loaded("cell lost"),
        "exercise-1-help": loaded("cell forged"),
        "experiment-lost-run": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"SIG(SEGV|BUS)", r"a5a5a5a5a5a5a5a5"],
        "exercise-1-help": loaded("cell forged"),
    },
    "gallery": {
        "gallery-load": READY,
        "gallery-setup-cpu": loaded(r"02-registers-and-calls\.c"),
        "gallery-setup-swap": loaded(r"03-a-single-stack-swap\.c"),
        "gallery-registers-now": [r"^The registers: \d+ of them", r"start of registers_now$"],
        "gallery-registers-broken": r"^The registers before and after: .*; \d+ changed\.$",
        "gallery-parts-write": r"\A(rax, eax, ax, ah, al|x0.*): 8 bytes changed, marked ●\.$",
        "gallery-stack-forged": [r"^A stack of 65,536 bytes", r"^top − 24 .* start of way_home$"],
        "gallery-stack-used": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"before and after: \d+ words changed"],
        "gallery-step-swap": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"^swap"],
        "gallery-time-letters": r"^2 threads of 7 switches in 19 ms",
        "gallery-time-switches": r"^3 threads of 6 switches in 50 µs",
        "gallery-code-levels": r"^mean in C and as machine code\. -O0, .*: \d+ instructions; -O1, ",
        "gallery-chart-costs": [loaded(r"01-why-green-threads\.c"), r"^an OS thread, made and ended +[\d,.]+ ns +#+$"],
    },
}
