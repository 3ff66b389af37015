"""Answers to the exercises of chapter 02, and what the check must say to each."""

from answers import before, right, wrong

before("02", 'boolean x86 = Lab.machine().architecture().equals("x86-64");')

right("02.1", source="""List<String> places = new ArrayList<>(x86
    ? Arrays.asList("rdx", "r9", "stack 0", "stack 3")
    : Arrays.asList("x2", "x5", "x6", "stack 1"));""")
right("02.1", source="""List<String> row = Stream.concat(
    (x86 ? Stream.of("rdi", "rsi", "rdx", "rcx", "r8", "r9")
        : IntStream.range(0, 8).mapToObj(i -> "x" + i)),
    IntStream.range(0, 4).mapToObj(i -> "stack " + i)).toList();
List<String> places = Stream.of(2, 5, 6, 9).map(row::get).toList();""")

wrong("02.1", "`out` is an argument too", source="""List<String> places = x86
    ? List.of("rsi", "r8", "r9", "stack 2")
    : List.of("x1", "x4", "x5", "stack 0");""")
wrong("02.1", "floating-point arguments take no place", source="""List<String> places = x86
    ? List.of("rcx", "stack 1", "stack 2", "stack 5")
    : List.of("x3", "x7", "stack 0", "stack 3");""")
wrong("02.1", "no such place", {'"rdx"': '"edx"', '"x2"': '"w2"'})
wrong("02.1", "the lowest slot has number 0", {'"stack 0"': '"stack 1"', '"stack 1"': '"stack 2"'})
wrong("02.1", "count again", {'"rdx"': '"r8"', '"x2"': '"x4"'})
wrong("02.1", "four places are wanted", {', "stack 3"': "", ', "stack 1"': ""})
wrong("02.1", "four places are wanted", source="List<String> places = List.of();")
wrong("02.1", "four places are wanted: of c", source="""List<String> places = x86
    ? List.of("rdx", "r9", "stack 0", "stack 1", "stack 2", "stack 3")
    : List.of("x2", "x5", "x6", "x7", "stack 0", "stack 1");""")

DOUBLED = "SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE"
right("02.2", {DOUBLED: "SAVE_ONE\n    DOUBLE_IN_ONE\n    RESTORE_ONE"})
right("02.2", {DOUBLED: "SAVE_ONE SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE RESTORE_ONE"})
right("02.2", {DOUBLED: "SAVE_ONE RESTORE_ONE SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE"})

wrong("02.2", "computes the result: is it there", {DOUBLED: ""})
wrong("02.2", "computes the result: is it there", {DOUBLED: "SAVE_ONE RESTORE_ONE"})
wrong("02.2", "what the register held on entry", {DOUBLED: "DOUBLE_IN_ONE"})
wrong("02.2", "what the register held on entry", {DOUBLED: "DOUBLE_IN_ONE SAVE_ONE RESTORE_ONE"})
wrong("02.2", "what the register held on entry", {DOUBLED: "SAVE_ONE RESTORE_ONE DOUBLE_IN_ONE"})
wrong("02.2", "what the register held on entry", {DOUBLED: "SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE DOUBLE_IN_ONE"})
wrong("02.2", "was everything taken off", {DOUBLED: "SAVE_ONE DOUBLE_IN_ONE"})
wrong("02.2", "was everything taken off", {DOUBLED: "SAVE_ONE SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE"})
wrong("02.2", "and no more", {DOUBLED: "SAVE_ONE DOUBLE_IN_ONE RESTORE_ONE RESTORE_ONE"})
wrong("02.2", "and no more", {DOUBLED: "DOUBLE_IN_ONE RESTORE_ONE"})


def named(x86, aarch64):
    return f'List<String> forgettable = List.of((x86 ? "{x86}" : "{aarch64}").split(" "));'


X86, AARCH64 = "rax rcx rdx rsi rdi r8 r9 r10 r11 rip rflags", " ".join(f"x{n}" for n in range(18)) + " pc nzcv"
right("02.3", source=named(" ".join(reversed(X86.split())), " ".join(reversed(AARCH64.split()))))
right("02.3", source=named(X86 + " rax", AARCH64 + " x30"))
right("02.3", source=named(X86, AARCH64).replace("List.of(", "Arrays.asList("))

wrong("02.3", "no answer yet", source="List<String> forgettable = List.of();")
wrong("02.3", "without the stack pointer", source=named(X86 + " rsp", AARCH64 + " sp"))
wrong("02.3", "the frame pointer is promised", source=named(X86 + " rbp", AARCH64 + " x29"))
wrong("02.3", "they are callee-saved", source=named(X86 + " rbx r12", AARCH64 + " x19 x20"))
wrong("02.3", "where is it kept", source=named(X86.replace("rip ", ""), AARCH64.replace("pc ", "")))
wrong("02.3", "who relies on it", source=named(X86.replace(" rflags", ""), AARCH64.replace(" nzcv", "")))
wrong("02.3", "a switch returns nothing", source=named(X86.replace("rax ", ""), AARCH64.replace("x0 ", "")))
wrong(
    "02.3",
    "arguments belong to the function",
    source=named(X86.replace("rsi rdi ", ""), AARCH64.replace("x1 x2 ", "")),
)
wrong("02.3", "which were changed", source=named(X86.replace("r10 r11 ", ""), AARCH64.replace("x16 x17 ", "")))
wrong("02.3", "in small letters", source=named(X86.upper(), AARCH64.upper()))
wrong("02.3", "as the picture has them", source=named(X86.replace("rax", "eax"), AARCH64.replace("x0", "w0")))
