"""What must stand under the chapters' cells when they are run from top to bottom.

For each chapter a dict: cell id to a pattern, or a list of patterns, each to be found in the cell's
text (lines anchored by ^ and $). A cell that prints something and is not named here fails the tests,
and so does a name that no cell has. Cells tagged exercise and check have tests of their own.
"""

import shutil
from pathlib import Path

from expected_native import THE_29_LINES

READY = r"\AThe lab is ready: JDK \d+, .+ on (x86-64|AArch64)\.\n\Z"


def loaded(what):
    """The one line that a load prints, whether or not somebody loaded it before."""
    return rf"\A{what}: (compiled with \S.* in|unchanged, loaded from the cache in) [\d.]+ m?s\.$"


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
            r"^(Both threads were kept on one processor|This system does not keep threads on a processor: .*)\.$",
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
        "costs-switch": [
            rf"\Aswitch of OS threads, from C: {DEAR}",
            r"^(The system made [12]\.\d\d switches for each pass|This system does not count a thread's switches)\.$",
        ],
        "costs-handover": [
            rf"^hand-over of platform threads: {DEAR}",
            rf"^hand-over of virtual threads: {COST}",
        ],
        # One processor has one carrier: none. With more, some or most, and never more than all.
        "costs-carrier": r"\A\d{1,2}\.\d % of the hand-overs changed the carrier\.\n\Z",
        "costs-table": [
            r"\AWhat threads cost on this machine",
            # Cheapest first: nothing is cheaper than a call.
            r"^what +ns +calls\ncall of a C function +[\d.]+ +1$",
            r"^hand-over of virtual threads +[\d,]+\.\d +[\d,]+$",
            r"^OS thread, made and ended, from C +[\d,]+\.\d +[\d,]+$",
        ],
        "memory-os": [
            r"^its own stack, touched +\d{1,2},\d{3}$",
            r"^the system's stack for it +(\d{1,2},\d{3}|not seen)$",
            r"^page tables +(\d{1,2},\d{3}|not seen)$",
            r"^Together \d{1,2},\d{3} bytes; a page has [\d,]+\.$",
        ],
        "memory-virtual": [
            r"^10,000 virtual threads waiting after \d+ ms\.$",
            r"^Each keeps about [\d,]+ bytes of the heap\.$",
        ],
        "experiment-crowd-run": [r"^ +500 waiting after .* µs each$", r"^ *10,000 waiting after .* µs each$"],
        "million": [r"\AA million conversations", r"^let them wait: memory kept +[\d.,]+ GB +[\d.,]+ GB$"],
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
        "parts-picture": [r"8 bytes changed, marked ●\.$", r"^(eax|w0) +31 to 0 +11111111 +22222222$"],
        "arguments-show": [
            r"^a +(rdi|x0) +&found$",
            r"^f +(r9|x5) +106$",
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
        "promise-assembly": [r"^keep:$", r"^ +(call|bl) +break_a_promise"],
        "c-addresses": loaded("cell addresses"),
        "c-addresses-run": [loaded("cell addresses"), r"^16$"],
        "c-words": loaded("cell words"),
        "c-words-run": [loaded("cell words"), r"^\[2, 4\]$"],
        "asm-source": r"\(next_intel\)",
        "asm-run": r"\A31\n\Z",
        "dialects-source": r"\(next_att\)",
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
            r"^To be kept: (6 callee-saved registers and rsp|11 callee-saved registers and sp), of the \d+ registers in the picture\.$",
        ],
        "experiment-work": loaded("cell mywork"),
        "experiment-work-run": [loaded("cell mywork"), r"^kept: \[.*(rbx.*r15|x19.*x29)\]$"],
        "experiment-levels": [r"\A.* at -O1$", r"^square_sum:$"],
        "exercise-1-call": loaded("cell mixed"),
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
        "jvm-run": r"\A--enable-native-access=ALL-UNNAMED\n\Z",
        "swap-on-source": [r"^int swap_on\(void \*stack", r"^    swap\(old, &new\);$"],
        "swap-source": [r"\A.*\n\n/\*\n \*     void swap\(", r"\(swap\)"],
        "swap-run": r"\AI LOVE WAKING UP ON A NEW STACK!\nswap_on returned 0\.\n\Z",
        "home-source": r"\(way_home\)",
        "home-step": [
            r"^I LOVE WAKING UP ON A NEW STACK!$",
            r"^swap, way_home, recorded one instruction at a time: \d+ instructions on 2 stacks\.$",
            r"^\d +swap.* r?sp jumps from the old stack to the new stack, top − 32\.$",
            r"^\d+ +way_home.* r?sp jumps from the new stack to the old stack",
        ],
        "swap-traces": [
            r"before and after: \d+ words changed",
            # The whole of it is chapter 04's picture.
            r"^⋮ 8,186 words, 65,488 bytes: not drawn$",
            r"^top − 16 .* \* [0-9a-f]{16} +the old stack pointer: ",
            r"^top − 24 .* {3}[0-9a-f]{16} +brought it home: start of way_home$",
        ],
        "pointer-run": [
            r"^sp_before +(0x[0-9a-f]+) +old stack\n(.*\n)+?sp_after +\1 +old stack$",
            r"^sp_new +0x[0-9a-f]+ +new stack, top - 32$",
            r"^sp_in_hello +0x[0-9a-f]+ +new stack, top - \d+$",
        ],
        "caller-ask": loaded("cell asking"),
        "caller-ask-run": [loaded("cell asking"), r"^I return to way_home\.$"],
        "jvm-saw-cell": loaded("cell away"),
        "jvm-saw-run": [
            loaded("cell away"),
            r"^Garbage was collected, and hello is still away: true\nThe trace begins in swap_on\.$",
        ],
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
        "experiment-lost-run": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"SIG(SEGV|BUS)", r"a5a5a5a5a5a5a5a5"],
        # What the hints say of each: sp in code, the line printed, no code.
        "exercise-3-reports": [
            r"(?s)Report 1\n`swap_wrongly` crashed with SIG(SEGV|BUS).*^Stack pointer: .*code: hello.*^Report 2$",
            r"(?s)Report 2\nI LOVE WAKING UP ON A NEW STACK!\n`swap_wrongly` crashed with.*^Report 3$",
            r"(?s)Report 3\n`swap_wrongly` crashed with SIG(SEGV|BUS).*It tried to run data as code",
        ],
    },
    "04-the-stack": {
        "stack-start": READY,
        "left-load": loaded(r"04-the-stack\.c"),
        "left-wake": r"\A\[nothing, hello, format_integer, format_float, recognizable, recurse\]\n?\Z",
        "left-run": [
            r"^I LOVE WAKING UP ON A NEW STACK!$",
            r"^A stack of 65,536 bytes, high addresses on top, before and after: [1-9]\d+ words changed\.",
            r"^top − 8 +(a5){8} +(a5){8} +paint, untouched$",
            r"^top − 16 = +(a5){8} +\* [0-9a-f]{16} ",
            r"^top − \d+ .* in \w+ \+ \d+$",
            r"^--- high-water mark: [\d,]{3,} bytes used ---$",
        ],
        "bytes-run": r"\A(mem: 0x[0-9a-f]+, val: 165\n){8}(mem: 0x[0-9a-f]+, val: \d+\n){24}\Z",
        "endian-run": r"\Aaddress \+ 0  88\naddress \+ 1  77\n(.*\n){5}address \+ 7  11\n"
        r"LITTLE_ENDIAN  1122334455667788\nBIG_ENDIAN     8877665544332211\n\Z",
        "drawn-run": [
            r"high-water mark: 32 bytes used",
            r"^top − 16 = +[0-9a-f]{16} ",
            r"^top − 24 +[0-9a-f]{16} .* start of way_home$",
            r"^top − 32 = +[0-9a-f]{16} .* start of nothing$",
        ],
        "align-run": r"\A0x[0-9a-f]+0\n0x[0-9a-f]+0\n\Z",
        "align-table": [
            r"^ +1230 +0000 +1230 +1230$",
            r"^ +1237 +0111 +1230 +1240$",
            r"^ +1238 +1000 +1230 +1240$",
            r"^ +123f +1111 +1230 +1240$",
        ],
        "dump-run": [r"^above the top +0$", r"^below the top +[1-9]\d{1,3}$"],
        "used-source": r"^LOOKS_AT_STACKS uint64_t bytes_used\(",
        "used-run": [
            r"^I LOVE WAKING UP ON A NEW STACK!$",
            r"^nothing +32(\.0)? bytes +#+$",
            r"^hello +[\d,]{3,} bytes +#+$",
            # The prose: more than 64 words.
            r"^format_integer +(\d,\d{3}|6\d\d|7\d\d|8\d\d|9\d\d) bytes +#+$",
            r"^recognizable +5\d\d bytes +#+$",
            # What fits into 48 bytes: 40 of gcc, 32 of clang, whose deepest call needs no more than `nothing`.
            r"^recurse +(3[2-9]|4[0-8])(\.0)? bytes +#+$",
        ],
        "used-hello": r"^ +(jmp|b|bl|call) +_?puts",
        "size-others": [
            r"^a program's main thread, at most +(\d+|unlimited)$",
            r"^a Java thread of this kernel +\d+$",
            r"^a thread of the book +2048$",
            r"^ours, so far +64$",
        ],
        "size-run": [r"; a page has [\d,]+$", r"^1,073,741,824 +0 +\d{1,2},\d{3}$"],
        "size-promise": r"\Avm\.overcommit_memory is (\d|for Linux)\.\n\Z",
        "size-paint": r"\APainted: 2,097,152 of 2,097,152 bytes are resident\.\n\Z",
        "frames-source": r"^__attribute__\(\(noinline\)\) static long innermost\(long value\)",
        "frames-run": [
            r"^top − \d+ .* outermost's link: ",
            r"^top − \d+ .* middle's return: in outermost\S* \+ \d+$",
            r"^top − \d+ .* innermost's return: in middle\S* \+ \d+$",
            r"^top − \d+ .* innermost's link: this stack, top − \d+$",
            *[rf"^top − \d+ .* {name}'s variable: the number {value}$"
              for name, value in [("outermost", 40), ("middle", 41), ("innermost", 42)]],
        ],
        "frames-kept": r"\Aformat_integer has a frame pointer: (true|false)\n\Z",
        "zone-source": loaded("cell leaf"),
        "zone-run": [loaded("cell leaf"), r"^top − \d+ .* 1111111111111107 ", r"^top − \d+ .* r?sp > "],
        "zone-signal": r"\AThe red zone has (128 bytes\.\nThe array begins at sp - \d+|0 bytes\.\nThe array begins at sp \+ \d+)"
        r"\.\nThe signal wrote from sp - \d+ on downwards\.\nThe array is right: true\n\Z",
        "guard-load": r"\AA call takes \d+ bytes, so some \d{3,4} fit\.\n\Z",
        "guard-none": r"\AIt returned\. (65,[6-9]|6[6-9],\d)\d{2} bytes were needed, and 65,\d{3} of the stack's 65,536 were used\.\n\Z",
        "guard-source": r"^static int guard_memory\(",
        "guard-run": [
            r"^The best way here: (mprotect|MADV_GUARD_INSTALL)$",
            r"`overflow` crashed with SIG(SEGV|BUS)",
            r"^Likely cause: +Stack overflow",
            r"^Address: .*: [1-9]\d? bytes below the stack of chapter 04, in its guard page$",
            r"^Where: +deeper",
        ],
        "guard-price": [
            r"\Avm\.max_map_count is (\d{4,}|for Linux)\.$",
            r"^mprotect +64 +(0|not shown) +(1\.999|2\.0|not shown)$",
            r"^mprotect +2048 +(0|not shown) +(1\.999|2\.0|not shown)$",
            r"(?s)^mprotect +2048 [^\n]+\n+(marked +64 +1\d\d +0\.0\nmarked +2048 +4[01]\d\d +0\.0\n+)?\Z",
        ],
        "guard-java": r"\AStackOverflowError after \d{3,} calls\n\Z",
        "move-source": r"^LOOKS_AT_STACKS static void hold_a_pointer\(void\)",
        "move-run": [
            r"The stack\. .*\n(.*\n)+?top .* the pointer: this stack, top − \d+$",
            r"^top .* the variable: the number 43$",
            r"^top .* the variable: the number 42$",
        ],
        "move-where": r"\AThe stack's pointer points to the variable in the stack\.\n"
        r"The copy's pointer points to  the variable in the stack\.\n\Z",
        "experiment-own": loaded("cell mine"),
        "experiment-own-run": [loaded("cell mine"), r"^It used [\d,]{3,} of 65,536 bytes\.$"],
        "experiment-top": r"\AThe top is 11 bytes below the end, and its last digit is 0\.\n\Z",
        "experiment-handler": loaded("cell handled"),
        "experiment-handler-run": [
            loaded("cell handled"),
            r"^`overflow_handled` crashed with SIG(SEGV|BUS): it touched memory that it may not touch\.$",
        ],
    },
    "05-there-and-back": {
        "there-start": READY,
        "game-ping": [r"^static void play_ping\(void\)", r"switch_context\(&ping\.context, &pong\.context\);"],
        "game-pong": [r"^static void play_pong\(void\)", r"for \(int i = 1;; i\+\+\)"],
        "game-side": [r"^struct side \{", r"struct context context;"],
        "game-load": loaded(r"05-there-and-back\.c"),
        "game-run": r"\Aping 1\n    pong 1\nping 2\n    pong 2\nping 3\n    pong 3\n\Z",
        "alone-edit": loaded("cell alone"),
        # The prose: whatever comes after the first stroke of each, it is not `ping 2`.
        "alone-run": [
            loaded("cell alone"),
            r"(?s)^ping 1\n    pong 1\n(?!.*ping 2)",
            r"^It (did not come back|returned -?\d+)\.$",
        ],
        # It needs callee-saved registers for what the loop uses.
        "alone-code": [r"^play_ping in C and as machine code\. -O2", r"\b(rbx|x19)\b"],
        "kept-source": [r"\(switch_context\)", r"// from here on the other stack"],
        "kept-run": [
            r"^\* (rdi|x0) ",
            r"^\* (rsi|x1) ",
            r"^  (rbx|x19) .* the same ",
            r"^  (r15|x28) .* the same ",
            r"(?s)^callee-saved: [^*]*^set apart",
        ],
        "kept-size": r"\AThe picture above has (144|272) bytes, a context has (56|160)\.\n\Z",
        "step-run": [
            # One instruction more in each switch, where the compiler marks targets of jumps by default.
            r"^switch_context, recorded one instruction at a time: (30|32|54|56) instructions on 2 stacks\.$",
            r"the new stack, entry.*: start of wait_for_ever|goes on at wait_for_ever",
            r"in look_at_waiting \+ \d+|goes on at look_at_waiting",
        ],
        "step-edit": loaded("cell pushed"),
        "step-edit-run": [
            r"^switch_context, switch_without_all, recorded one instruction at a time: \d+ instructions on 2 stacks\.$",
            r"^\d+ +switch_context(?:\+0x4)? +(push rbx|stp +x19, ?x30.*) +stores (rbx|x19) ",
            r"^\d+ +switch_context\+0x[0-9a-f]+ +(pop rbx|ldp +x19, ?x30)",
        ],
        "step-edit-lost": [
            r"^The chapter's switch loses nothing\.$",
            r"^This one loses (rbp r12 r13 r14 r15|x20 .* d15)\.$",
        ],
        "place-source": [r"^struct context \{$", r"\A(?!.*\b(rip|pc)\b)"],
        "place-stack": [r"^A stack of 96 bytes", r"^top − (56|64) .*\b(rsp|sp) >.*in wait_for_ever \+ [1-9]\d?$"],
        "place-assembly": [r"^wait_for_ever:$", r"^ +(call|bl) +switch_context"],
        "place-edit": loaded("cell diverted"),
        "place-edit-run": [loaded("cell diverted"), r"^1$"],
        "less-one": r"\AForgets (r15|x19), and loses \1\.\n\Z",
        "less-source": [r"^static void work\(void\)", r"chosen\(&adder\.context, &home\);"],
        "less-run": loaded(r"05-there-and-back\.c"),
        # The prose: at -O0 almost any register can be left out, and from -O1 on none that is used.
        "less-show": [
            r"^forgotten +-O0 +-O1 +-O2$",
            r"^nothing( +✔ right){3}$",
            *[
                rf"^({x86}|{arm}) +✔ right( +✘ (wrong sum|never ends|crash)){{2}}$"
                for x86, arm in zip("r15 r14 r13 r12 rbx".split(), "x19 x20 x19 x20 d8".split())
            ],
            r"^(rbp|all)( +✘ (wrong sum|never ends|crash)){3}$|^x29 ",
            r"^all .*( +✘ (wrong sum|never ends|crash)){2}$",
        ],
        "less-why": [r"^-O0 +(rbp|x29)", r"^-O1 +(r15 .*rbp|x19 )", r"^-O2 +(r15 .*rbp|x19 )"],
        "control-source": r"^static void round_upward\(void\)",
        "control-run": [
            r"^switch_context +0\.3333333333333333 +0\.33333333333333337$",
            r"^switch_keeping_control +0\.3333333333333333 +0\.3333333333333333$",
        ],
        "control-keep": [r"^static void switch_keeping_control", r"(?s)\{\n[^;]+;[^;]+;[^;]+;\n\}"],
        "control-cost": [r"^a switch +[\d.]+ ns", r"^a switch that keeps the control words +[\d.]+ ns"],
        "experiment-numbers": loaded("cell numbers"),
        "experiment-numbers-run": [loaded("cell numbers"), r"^\[0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89\]$"],
    },
    "06-threads-and-a-scheduler": {
        "threads-start": READY,
        "lines-source": r"^static void count\(void\) \{",
        "lines-run": [
            loaded(r"06-threads-and-a-scheduler\.c"),
            r"^THREAD 1 STARTING\nthread: 1 counter: 0\nTHREAD 2 STARTING\nthread: 2 counter: 0\nthread: 1 counter: 1$",
            r"^thread: 2 counter: 9\nTHREAD 1 FINISHED\n(thread: 2 counter: 1[0-4]\n){5}THREAD 2 FINISHED\n\Z",
            r"\A[^\n]*\n+([^\n]+\n){29}\Z",
        ],
        "states-thread": [r"^struct thread \{", r"struct context context;"],
        "states-jdk": r"\A(?=.*\bRUNNING\b)(?=.*\bPARKED\b)(?=.*\bYIELDED\b)(?=.*\bTERMINATED\b)",
        "next-choose": r"^static int choose\(const struct runtime \*r\) \{",
        # The question is about this very line.
        "next-yield": [r"^static bool t_yield\(", r"^    switch_context\(.*\);\n    return true;"],
        "trace-run": [r"^3 threads, 43 switches, ", r"^32 +thread 1 +thread 2 +finished$"],
        "trace-states": [
            r"^READY +RUNNING +43$",
            r"^RUNNING +READY +41$",
            r"^RUNNING +AVAILABLE +2$",
        ],
        "base-source": r"^static void run\(struct runtime \*r\) \{",
        "base-run": r"\A16 of 43 switches lead to the base thread\.\n\Z",
        "line-source": loaded("cell reached"),
        # The prose: at every switch but two.
        "line-run": [loaded("cell reached"), r"^43 switches, and the line was reached 41 times\.$"],
        "spawn-source": [r"^static int spawn\(", r"top\[GUARD\]", r"top\[SKIP\]", r"top\[FUNCTION\]"],
        "spawn-load": loaded(r"06-threads-and-a-scheduler\.c"),
        "spawn-new": [
            r"^top − 16 = .* start of guard$",
            r"^top − 24 .* start of skip$",
            r"^top − 32 = +r?sp > .* start of count_silently$",
            r"READY\. ",
        ],
        "spawn-waiting": [
            r"^top − 16 = .* start of guard$",
            r"^top − 24 .* start of skip$",
            r"r?sp > +\* [0-9a-f]{16}(  [0-9a-f ]+)? +in t_yield \+ \d+",
            r"READY\. ",
        ],
        "guard-source": r"^static _Noreturn void guard\(void\) \{",
        "guard-return": r"^static void t_return\(struct runtime \*r\) \{",
        # The prose: higher than while the thread waited.
        "guard-done": [
            r"(?s)[0-9a-f]{16} +r?sp > [^\n]+in t_yield \+ \d+.*^top − \d+ =? *r?sp > +[0-9a-f]{16}",
            r"\A(?!(?s:.*)red zone)(?s:.*)AVAILABLE\. ",
        ],
        "guard-full": r"\A3\n\Z",
        "skip-source": r"\(skip\)",
        "skip-table": [
            r"^function -16, guard -8 +(8 +0 +8 +misaligned|0 +0 +0 +right)$",
            r"^function -32, guard -24 +(8 +0 +8 +misaligned|0 +0 +0 +right)$",
            r"^function -32, skip -24, guard -16 +(8 +8 +8|0 +0 +0) +right$",
        ],
        "crash-run": [
            r"^Here guard prints a float: 1\.5$",
            r"^function -16, guard -8 +(crashed|came home)$",
            r"^function -32, skip -24, guard -16 +came home$",
        ],
        "crash-report": r"(?s)SIG(SEGV|BUS).*misaligned.*movaps|\ANothing crashed on this machine\.",
        "scan-run": r"^10,000 places, 2 threads +[\d,.]+ ns +#{40}$",
        # The prose: nearly all of the time goes into looking.
        "scan-ratio": [
            r"^4 places, 2 threads +1\.0 times",
            r"^10,000 places, 2 threads +[\d,]*\d\d\d\.\d times",
            r"^1,000 places, 1,000 threads +\d{1,2}\.\d times",
        ],
        "experiment-counts": r"^5 threads, 21 switches, ",
        "experiment-lottery": loaded("cell lottery"),
        # The prose: more tickets, more turns, and nobody has more than half of them.
        "experiment-lottery-run": [
            loaded("cell lottery"),
            r"^thread 1 +\d\d turns +#+\nthread 2 +\d\d turns +#+\nthread 3 +1[0-4]\d turns +#{40}$",
        ],
        "experiment-never": loaded("cell never"),
        "experiment-never-run": [
            loaded("cell never"),
            r"^turn 1 of thread 1\nturn 1 of thread 2$",
            r"^`trace_turns` was ended at its time limit, after 1\.\d s",
        ],
    },
    "07-the-runtime-in-200-lines": {
        "runtime-start": READY,
        "run-load": loaded(r"07-the-runtime-in-200-lines\.c"),
        "run-run": r"\A" + "\n".join(THE_29_LINES) + r"\n\Z",
        "timeline-draw": r"\A28 switches: starts with 0, goes on to (12){11}2{5}0\nturns: \{0=1, 1=11, 2=16\}\n\Z",
        "timeline-csv": [
            r"^22 +thread 1 +thread 2 +finished$",
            r"^23 +thread 2 +thread 2 +ready$",
            r"^28 +thread 2 +base thread +finished$",
        ],
        "read-thread": r"^struct thread \{",
        "read-runtime": r"^struct runtime \{",
        "read-switch": r"\(switch_stack\)",
        "read-yield": [
            r"^static void resume\(",
            r"switch_stack\(&old->sp, &next->sp\);\n\}",
            r"resume\(running->current->next\);",
        ],
        "read-spawn": [r"^static int spawn\(", r"id \* CACHE_LINE % STAGGERED"],
        "read-forged-source": loaded("cell one"),
        "read-forged": [loaded("cell one"), r"where it begins: start of thread_entry$"],
        "read-guard": r"^static _Noreturn void thread_entry\(void \*\*from, struct thread \*self\)",
        "read-ask-source": loaded("cell asking"),
        "read-ask": [
            loaded("cell asking"),
            r"^I am thread 1, and thread 0 switched to me\.\nI am thread 2, and thread 1 switched to me\.\n"
            r"I am thread 3, and thread 2 switched to me\.$",
        ],
        # Both switches, instruction by instruction; elsewhere than on x86-64 Linux the lab says why not.
        "read-step": r"(?s)goes on at thread_entry\..*goes on at (run|one_thread)\b|\bstep",
        "read-return": r"^static void t_return\(",
        "read-new": r"mmap\(",
        "read-run": r"^static inline void run\(",
        "plain-count": r"\A(.+: (1[5-9]\d|200) lines\n){4,}\Z",
        "plain-listing": [r"plain, for ", r"^int main\(void\)"],
        "plain-alone": r"\A29 lines, the book's: true; exit code 0\n\Z",
        "changed-load": loaded("cell returns"),
        "changed-jumps": loaded("cell jumps"),
        "changed-ways": [r"^cell returns: ", r"^cell jumps: ", r"^07-the-runtime-in-200-lines\.c: "],
        # The prose: most processors guess a `ret` wrong that leads to another kind of thread, and right
        # where six calls of one kind have to be left. An emulator guesses nothing.
        "changed-time": r"\Areturns: [\d.]+ ns a yield\njumps: [\d.]+ ns a yield\nHere (the (jump|return) wins: [\d.]+ times as fast|both are about as fast)\.\n\Z",
        "changed-deep": r"\Areturns: [\d.]+ ns a yield\njumps: [\d.]+ ns a yield\nHere (the (jump|return) wins: [\d.]+ times as fast|both are about as fast)\.\n\Z",
        # … and to look is near the better one. The benchmark holds that: on a busy machine other programs
        # spoil the guesses of one row or another.
        "changed-looks": [
            rf"^ +{threads} +{kinds} +{depth} +[\d.]+ +[\d.]+ +[\d.]+ +\d\.\d\d$"
            for threads, kinds, depth in [(2, "two", 0), (64, "one", 0), (64, "one", 1), (64, "one", 6), (64, "two", 0), (64, "two", 6)]
        ],
        "changed-yield": loaded(r"06-threads-and-a-scheduler\.c"),
        "changed-compare": [
            r"^a yield of two: [\d.]+ ns, in chapter 06 ([2-9]|\d\d)\.\d times as much$",
            r"^spawned, run, finished: [\d.]+ ns, in chapter 06 (1\.[2-9]|([2-9]|\d\d)\.\d) times as much$",
        ],
        "changed-chart": [r"^06: 2 of 10,000 +[\d,]{5,} ns", r"^07: all of 10,000 +[\d.,]+ ns"],
        "changed-told": loaded("cell told"),
        "changed-told-chart": [
            loaded("cell told"),
            r"^10,000, on the stack +[\d.,]+ ns",
            r"^10,000 threads: on the stack \d+\.\d times as long$",  # a ratio is for ./build.sh bench
        ],
        "changed-growth": [
            r"^chapter 06: .* costs \d{2,}\.\d times as much$",
            r"^chapter 07: .* costs [0-3]\.\d times as much$",
        ],
        "changed-memory": [r"^ +1 +100000 +1 +\d{1,3}$", r"^ +100 +100000 +100 +\d{1,4}$"],
        "changed-promises": [
            r"^turns of 10,000 threads: 1000000$",
            r"^a family of 20,000: +20000 have run$",
            r"^room for 50: +50 spawned, then -1$",
            r"^no guard page: +-2$",
            r"^runtimes inside threads: 62 turns$",
        ],
        "changed-overflow": [
            r"^`overflow` crashed with SIG(SEGV|BUS)",
            r"^Likely cause: +Stack overflow: .* below the stack of thread 1",
            r"^Address: .*in its guard page$",
        ],
        "limits-source": loaded("cell limits"),
        "limits-run": [
            loaded("cell limits"),
            r"^two naps of 50 ms: [1-9]\d\d ms$",
            r"^1/3 in thread 2: +0\.3333333333333333$",
            r"^… after thread 1: +0\.33333333333333337$",
        ],
        # The prose: a handful of calls, some ten or twenty, and orders of magnitude up to an OS thread.
        "payoff-chart": [
            r"^a call +[\d.]+ ns",
            r"^our switch +[\d.]+ ns",
            r"^OS thread, made and ended +[\d,]+ ns",
            r"^our switch: \d?\d\.\d calls$",
            r"^our thread, made and ended: \d?\d\.\d calls$",
            r"^OS threads, a switch: [\d,]{3,}\.\d calls$",
        ],
        "experiment-crowd": r"^5 threads, 26 switches, ",
        "experiment-own": loaded("cell backwards"),
        "experiment-own-run": [loaded("cell backwards"), r"^2 +thread 1 +thread 4 +ready$"],
        "experiment-tops": loaded("cell tops"),
        "experiment-tops-run": [loaded("cell tops"), r"^a yield of 100: staggered [\d.]+ ns, in step [\d.]+ ns$"],
        "experiment-many": r"\A100,000 turns of 20,000 threads, all of it in [\d,]+ ms\n\Z",
        "experiment-clock": loaded("cell clock"),
        "experiment-clock-run": [
            loaded("cell clock"),
            r"\nTHREAD 2 STARTING\n" + "".join(rf"thread: 2 counter: {i}\n" for i in range(5)) + r"THREAD 2 FINISHED\n\Z",
        ],
        "exercise-3-source": r"^static void read_letter\(",
    },
    "08-other-machines": {
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
        "gallery-time-letters": r"^2 threads, 7 switches in 19 ms",
        "gallery-time-switches": r"^3 threads, 6 switches in 50 µs",
        "gallery-code-levels": r"^mean in C and as machine code\. -O0, .*: \d+ instructions; -O1, ",
        "gallery-chart-costs": [loaded(r"01-why-green-threads\.c"), r"^an OS thread, made and ended +[\d,.]+ ns +#+$"],
    },
}
