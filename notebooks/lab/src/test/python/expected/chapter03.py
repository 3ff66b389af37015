"""What chapter 03 prints, and what its readers will try: expected/__init__.py says what each name means."""

import platform

from expected import READY, Edit, Walk, loaded, measured, right, wrong

X86 = platform.machine() in ("x86_64", "AMD64")

# ---------------------------------------------------------------- what stands under its cells

OUTPUTS = {
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
        # On AArch64 both forged addresses have been popped when hello begins.
        r"^top − 24 .* {3}[0-9a-f]{16} +brought it home: start of way_home$" if X86 else r"^top − 24 .* \* [0-9a-f]{16} +brought it home: ",
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
    "experiment-lost-run": [r"^I LOVE WAKING UP ON A NEW STACK!$", r"SIG(SEGV|BUS)", r"a5a5a5a5a5a5a5a5" if X86 else r"a5a5a5a5a5a5"],
    # What the hints say of each: sp in code, the line printed, no code.
    "exercise-3-reports": [
        r"(?s)Report 1\n`swap_wrongly` crashed with SIG(SEGV|BUS).*^Stack pointer: .*code: hello.*^Report 2$",
        r"(?s)Report 2\nI LOVE WAKING UP ON A NEW STACK!\n`swap_wrongly` crashed with.*^Report 3$",
        r"(?s)Report 3\n`swap_wrongly` crashed with SIG(SEGV|BUS).*It tried to run data as code",
    ],
}

SMALL_SCREEN = [
    "swap-start",
    "forge-load",
    "forge-run",
    "forge-show",
    "swap-source",
    "swap-run",
    "swap-traces",
    "home-step",
]

EXPLAINED = {"_Atomic": ("jvm-saw-about", "`_Atomic` makes a variable fit")}

# ---------------------------------------------------------------- what its native file prints, and what is true of its functions

PROGRAM = [
    "I LOVE WAKING UP ON A NEW STACK!",
    "Back on the old stack.",
    measured("hello used # bytes of the new one. The book gave it 48."),
]

FACTS = [
    # The first run looks up printf; the book's 48 bytes are far too few, the smallest stack is enough.
    ("stack_used_by_hello(smallest_stack())", 49, 16 * 1024),
    ("swap_once(1)", -2, -2),
    ("swap_on(NULL, 65536, NULL)", -1, -1),
]

WALK = Walk(["swap", "way_home"], {"main", "hello"})

NOT_FOR_WINDOWS = "it forges the book's stack: x86_64-windows/machine.h says why"

# ---------------------------------------------------------------- the changes that it suggests

GREETING = """    for (int i = 3; i > 0; i--)
        printf("%d …\\n", i);
    printf("Good morning!\\n");
"""

EDITS = [
    Edit("experiment-own", {GREETING: '    printf("%f\\n", 0.1 + 0.2);\n'}, r"0\.300000[\s\S]*It used \d+ bytes"),
    Edit("experiment-own", {GREETING: '    puts(getenv("PATH") ? "a path" : "none");\n'}, r"It used \d+ bytes"),
    Edit("experiment-own", {GREETING: '    volatile char all[4096];\n\n    for (int i = 0; i < 4096; i++)\n        all[i] = 1;\n'},
         r"It used [45]\d\d\d bytes"),
    Edit("experiment-own", {GREETING: '    volatile char all[1 << 20];\n\n    for (int i = (1 << 20) - 1; i >= 0; i--)\n        all[i] = 1;\n'},
         r"It used \d+ bytes|crashed with SIG", fails=True),
]

PROSE = {"experiment-own-about": "experiment-own"}

# ---------------------------------------------------------------- answers to its exercises

HOME, HELLO, SP = "top[-3] = (uintptr_t)way_home;", "top[-4] = (uintptr_t)hello;", "sp = &top[-4];"

# Lower down is as good, if it is an even number of slots.
right("03.1", {HOME: "top[-5] = (uintptr_t)way_home;", HELLO: "top[-6] = (uintptr_t)hello;", SP: "sp = &top[-6];"})
right("03.1", {HOME: "sp -= 4;", HELLO: "sp[0] = (uintptr_t)hello;", SP: "sp[1] = (uintptr_t)way_home;"})
right("03.1", {HOME: "sp = top - 2;", HELLO: "*--sp = (uintptr_t)way_home;", SP: "*--sp = (uintptr_t)hello;"})
right("03.1", {HOME: "top[-1] = 0;\n    " + HOME})
wrong("03.1", "neither address is in a slot yet", {HOME: "", HELLO: "", SP: "sp = &top[-4];"})
wrong(
    "03.1",
    "misaligned: sp is no multiple of 16",
    {HOME: "top[-2] = (uintptr_t)way_home;", HELLO: "top[-3] = (uintptr_t)hello;", SP: "sp = &top[-3];"},
)
wrong(
    "03.1",
    "the two are exchanged",
    {HOME: "top[-3] = (uintptr_t)hello;", HELLO: "top[-4] = (uintptr_t)way_home;"},
)
wrong("03.1", "hello is in no slot", {HELLO: ""})
wrong("03.1", "way_home is in no slot", {HOME: ""})
wrong("03.1", "sp is not the address of a slot", {SP: "sp = (uint64_t *)top[-4];"})
wrong("03.1", "sp is still the top", {SP: ""})
wrong("03.1", r"sp is the address of top\[-3\], and hello lies in top\[-4\]", {SP: "sp = &top[-3];"})
wrong("03.1", r"sp is the address of top\[-5\], and hello lies in top\[-4\]", {SP: "sp = &top[-5];"})
wrong("03.1", "way_home is farther up", {HELLO: "top[-6] = (uintptr_t)hello;", SP: "sp = &top[-6];"})
# All is in its place, but there is no slot for the old stack pointer …
wrong(
    "03.1",
    "above way_home the stack is over",
    {HOME: "top[-1] = (uintptr_t)way_home;", HELLO: "top[-2] = (uintptr_t)hello;", SP: "sp = &top[-2];"},
)
# … or no room for what hello does.
wrong(
    "03.1",
    "begin near the top",
    {HOME: "top[-8191] = (uintptr_t)way_home;", HELLO: "top[-8192] = (uintptr_t)hello;", SP: "sp = &top[-8192];"},
)

SECOND, SKIP, FIRST, LOWEST = (
    "top[-4] = (uintptr_t)second;",
    "top[-5] = (uintptr_t)skip;",
    "top[-6] = (uintptr_t)first;",
    "sp = &top[-6];",
)

right(
    "03.2",
    {
        SECOND: "sp -= 6;",
        SKIP: "sp[0] = (uintptr_t)first;",
        FIRST: "sp[1] = (uintptr_t)skip;",
        LOWEST: "sp[2] = (uintptr_t)second;",
    },
)
right(
    "03.2",
    {
        SECOND: "uint64_t all[] = {(uintptr_t)first, (uintptr_t)skip, (uintptr_t)second};",
        SKIP: "",
        FIRST: "memcpy(top - 6, all, sizeof all);",
        LOWEST: "sp = top - 6;",
    },
)
right(
    "03.2",
    {
        SECOND: "sp = &top[-3];",
        SKIP: "*--sp = (uintptr_t)second;",
        FIRST: "*--sp = (uintptr_t)skip;",
        LOWEST: "*--sp = (uintptr_t)first;",
    },
)
wrong("03.2", "no skip", {SKIP: "top[-5] = (uintptr_t)first;", FIRST: "", LOWEST: "sp = &top[-5];"})
wrong("03.2", "there lies second", {SECOND: "top[-4] = (uintptr_t)first;", FIRST: "top[-6] = (uintptr_t)second;"})
wrong("03.2", "sp is above the slot of first", {LOWEST: "sp = &top[-4];"})
wrong("03.2", "sp is still the top", {LOWEST: ""})
wrong("03.2", "sp is not the address of a slot", {LOWEST: "sp = (uint64_t *)top[-6];"})
wrong("03.2", "first is in no slot", {FIRST: ""})
wrong("03.2", "second is in no slot", {SECOND: ""})
# The functions are called, and nothing lies on the new stack.
wrong("03.2", "only what swap finds on the new stack", {SECOND: "first();", SKIP: "second();", FIRST: "", LOWEST: "sp = &top[-3];"})
wrong("03.2", "slot with no address in it", {SKIP: "top[-6] = (uintptr_t)skip;", FIRST: "top[-8] = (uintptr_t)first;", LOWEST: "sp = &top[-8];"})
# skip is where it belongs, and once more: then the two are an odd number of slots apart.
wrong(
    "03.2",
    "first begins 8 bytes off|a function began 8 bytes off",
    {FIRST: "top[-6] = (uintptr_t)skip;\n    top[-7] = (uintptr_t)first;", LOWEST: "sp = &top[-7];"},
)
wrong("03.2", "sp is below the slot of first", {LOWEST: "top[-7] = (uintptr_t)second;\n    sp = &top[-7];"})
# Two more that do nothing are no mistake.
right("03.2", {LOWEST: "top[-7] = top[-8] = (uintptr_t)skip;\n    sp = &top[-8];"})

right("03.3", {'"cab"': '"c, a, b"'})
right("03.3", {'"cab"': '"CAB"'})
right("03.3", {'mistakes = "cab";': 'mistakes = String.join("", List.of("c", "a", "b"));'})
wrong("03.3", "write one letter for each report", {'"cab"': '""'})
wrong("03.3", "one letter for each", {'"cab"': '"ca"'})
wrong("03.3", "there is no letter for this report", {'"cab"': '"c"'})
wrong("03.3", "one letter for each", {'"cab"': '"cabd"'})
wrong("03.3", "look where the stack pointer is", {'"cab"': '"aab"'})
wrong("03.3", "look where the stack pointer is", {'"cab"': '"bac"'})
wrong("03.3", "the `ret` that failed is swap's own", {'"cab"': '"dab"'})
wrong("03.3", "one slot too high it would still be in the stack", {'"cab"': '"eab"'})
wrong("03.3", "the line was printed", {'"cab"': '"cbb"'})
wrong("03.3", "hello had not run", {'"cab"': '"ceb"'})
wrong("03.3", "which slot said so", {'"cab"': '"caa"'})
wrong("03.3", "It is code, and here was none", {'"cab"': '"cad"'})
