"""Answers to the exercises of chapter 03, and what the check must say to each."""

from answers import before, right, wrong

before(
    "03",
    """
    Library lib = Lab.load("03-a-single-stack-swap");
    long SIZE = 64 * 1024;
    MemorySegment stack = Arena.ofAuto().allocate(SIZE, 16);
    """,
)

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
wrong("03.3", "one letter for each", {'"cab"': '"cabd"'})
wrong("03.3", "look where the stack pointer is", {'"cab"': '"aab"'})
wrong("03.3", "look where the stack pointer is", {'"cab"': '"bac"'})
wrong("03.3", "the `ret` that failed is swap's own", {'"cab"': '"dab"'})
wrong("03.3", "one slot too high it would still be in the stack", {'"cab"': '"eab"'})
wrong("03.3", "the line was printed", {'"cab"': '"cbb"'})
wrong("03.3", "hello had not run", {'"cab"': '"ceb"'})
wrong("03.3", "which slot said so", {'"cab"': '"caa"'})
wrong("03.3", "It is code, and here was none", {'"cab"': '"cad"'})
