"""Nothing in a listing that the reader has not been told: each construct of C, each instruction, each word.

Two pages of chapter 02 tell most of it, the cells between C_PAGES and between ASSEMBLY_PAGES; what they leave out is
explained where it first stands (EXPLAINED in that chapter's expectations). What C shares with Java needs no explanation.
"""

import functools
import platform
import re
import shutil

import pytest

import expected
from chapters import Chapter, chapter_paths
from listings import AARCH64, X86_64, Listing, compiled_functions, instructions_of, listings
from notebook_rules import quoted
from project import NATIVE, run

PATHS = [path for path in chapter_paths() if path.stem[0].isdigit() and path.stem[:2] >= "02"]
CHAPTERS = {path.stem: Chapter.read(path) for path in PATHS}
HERE = "AArch64" if platform.machine().lower() in ("arm64", "aarch64") else "x86-64"
PAGES = "02-registers-and-calls"
C_PAGES = ("c-about", "c-words-explain")
ASSEMBLY_PAGES = ("asm-about", "dialects-explain")

# ---------------------------------------------------------------- C

AS_IN_JAVA = set(
    "if else for while do switch case default break continue return "
    "int short long float double char void true false".split()
)

# What it is called → how it looks in C, and the code by which the pages explain it.
CONSTRUCTS = {
    "struct": (r"\bstruct\b", "struct account mine"),
    "pointer": (r"\w \*+\w|\w\* ", "struct account *to"),
    "pointer to a pointer": (r"\*\*\w", "struct account **"),
    "address of": (r"(?:^|[(,=!?:&|]|return)\s*&\w", "&mine"),
    "what lies at an address": (r"(?:[;{}(=,!]|return)\s*\*\w", "*where"),
    "field through a pointer": (r"->", "to->balance"),
    "field": (r"[\w\])]\.[a-z]", "mine.balance"),
    "no pointer": (r"\bNULL\b", "NULL"),
    "element": (r"\w\[", "values[3]"),
    "designated initializer": (r"\{\s*\.\w+ =|,\s*\.\w+ =", "{.balance = 10}"),
    "struct without a name": (r"\(struct \w+\)\s*\{", "(struct account){.number = 7}"),
    "const": (r"\bconst\b", "const struct account *"),
    "cast to a pointer": (r"\([\w ]+ \*+\)\s*[\w(&]", "(uint64_t *)stack"),
    "cast of a number": (
        r"\((?:u?int\w*_t|int|long|short|char|size_t|uintptr_t|unsigned[\w ]*)\)\s*[\w(&*]",
        "(long)x",
    ),
    "function pointer": (r"\(\*\w*\)\(", "int (*function)(void)"),
    "sizeof": (r"\bsizeof\b", "sizeof mine"),
    "static": (r"\bstatic\b", "static"),
    "inline": (r"\binline\b", "inline"),
    "volatile": (r"\bvolatile\b", "volatile"),
    "enum": (r"\benum\b", "enum { READY, RUNNING }"),
    "typedef": (r"\btypedef\b", "typedef"),
    "unsigned": (r"\bunsigned\b", "unsigned"),
    "bool": (r"\bbool\b", "bool"),
    "void *": (r"\bvoid \*", "void *"),
    "size_t": (r"\bsize_t\b", "size_t"),
    "uintptr_t": (r"\buintptr_t\b", "uintptr_t"),
    "uint64_t": (r"\buint64_t\b", "uint64_t"),
    "uint32_t": (r"\buint32_t\b", "uint32_t"),
    "int64_t": (r"\bint64_t\b", "int64_t"),
    "int32_t": (r"\bint32_t\b", "int32_t"),
    "assembly": (r"\b__asm__\b", '__asm__("…")'),
    "wish": (r"\b__attribute__\b", "__attribute__((…))"),
    "assertion": (r"\b_Static_assert\b", "_Static_assert(…, \"\")"),
    "offset": (r"\boffsetof\(", "offsetof(struct account, number)"),
    "alignment": (r"\b_Alignas\b", "_Alignas(16)"),
    "no way back": (r"\b_Noreturn\b", "_Noreturn"),
    "function of the compiler": (r"\b__builtin_\w+", "__builtin_…(…)"),
    "macro": (r"^#\s*define\b", "#define NAME …"),
    "name as text": (r"(?<!#)#\w+\s*$|\)\s*#\w", "#name"),
    "text of a file": (r"^#\s*include\b", '#include "arch/arch.h"'),
    "condition": (r"^#\s*(?:if|elif|else|endif)\b", "#if"),
    "condition, defined": (r"^#\s*(?:ifdef|ifndef)\b", "#ifdef"),
    "frame of assembly": (r"\bASM_FUNCTION\b", "ASM_FUNCTION"),
    "frame of what is returned to": (r"\bASM_RETURNED_TO\b", "ASM_RETURNED_TO"),
    "note for debuggers": (r'^ +""[^"\n]*"" +[A-Z_]+\b|^ +"" +[A-Z_]{5,}\b', "LOWERED(8)"),
    "its end": (r"\bASM_END\b", "ASM_END(next_intel)"),
    "named offset": (r"\bAT\(", "AT(REGISTERS_RSP)"),
    "name of a function": (r"\bSYMBOL\(", "SYMBOL(capture)"),
}

# Every word that C reserves: one that is in none of the two lists above is one that nobody explained.
RESERVED = set(
    "auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
    "bool true false NULL size_t ssize_t ptrdiff_t intptr_t uintptr_t va_list "
    "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t".split()
)
DIRECTIVES = {"define", "undef", "if", "ifdef", "ifndef", "elif", "else", "endif", "include", "error", "pragma"}
PREPROCESSOR = ("macro", "text of a file", "condition", "condition, defined")
# Names of the compiler or of the system that a condition asks for: `#if defined __linux__`.
CONDITIONS = re.compile(r"^#\s*(?:if|elif|ifdef|ifndef)\b.*$", re.MULTILINE)

# ---------------------------------------------------------------- assembly

# What it is → the code by which the pages explain it. The condition behind a jump is explained as a class.
INSTRUCTIONS = {
    "x86-64": {
        "mov": "mov rax, rdi", "lea": "lea rax, [rsp + 8]", "add": "add rax, 1", "sub": "sub", "imul": "imul",
        "push": "push rbx", "pop": "pop rbx", "call": "call f", "ret": "ret", "jmp": "jmp f", "cmp": "cmp",
        "jne": "jne", "je": "je", "test": "test", "xor": "xor eax, eax", "leave": "leave", "nop": "nop",
        "pushfq": "pushfq", "movq": "movq $1, %rax", "addq": "movq $1, %rax",
    },
    "AArch64": {
        "mov": "mov x0, x1", "ldr": "ldr x0, [x1, #8]", "str": "str x0, [x1, #8]", "ldp": "ldp x0, x1, [x2]",
        "stp": "stp", "add": "add x0, sp, #8", "sub": "sub", "mul": "mul", "madd": "madd", "bl": "bl f",
        "blr": "blr x9", "ret": "ret", "b": "b f", "br": "br x9", "cmp": "cmp",
        "b.ne": "b.ne", "b.eq": "b.eq", "cbz": "cbz", "cbnz": "cbnz",
        "adrp": "adrp x0, f", "nop": "nop", "mrs": "mrs x9, nzcv",
    },
}  # fmt: skip

# What the pages give a rule of thumb for, in what a compiler makes.
RULES_OF_THUMB = [
    (r"j[a-z]{1,3}|b\.?[a-z]{2}|cmov\w+|set\w+", "je"),
    (r"mov\w+|ldu?r\w*|stu?r\w*", "movsx"),
    (r"and|or|xor|eor|orr|sh[lr]|sa[lr]|ls[lr]|asr|ror", "and"),
    # Arithmetic: of whole numbers, of floating-point ones, of vectors.
    (r"(?:add|sub|i?mul|i?div|neg|not|inc|dec|cmp|madd|msub|udiv|sdiv|[us]xt\w)\w*|c[dq][qo]e?|[us]?bfiz?", "addsd"),
    (r"p?xor\w*|u?comis[sd]|sqrt\w+|cvt\w+|f[a-z]+|[us]cvtf|unpck\w+|p(?:add|mul|shuf|unpck|srl|sll)\w+", "xmm"),
]

# Classes of operands, where they look new, and where the pages show them.
OPERANDS = {
    "memory": (r"\[[a-z]", "[rsp + 40]"),
    "sp before the access": (r"\]!", "[sp, #-16]!"),
    "sp after it": (r"\],", "[sp], #16"),
    "an index, scaled": (r"\*8|lsl #", "lsl #3"),
    "a numbered label": (r"^\d[fb]$", "jne 1f"),
}

# Explained where they first stand: the chapter, the cell, and what it says.
EXPLAINED_LATER = {
    word: (stem, *where) for stem in CHAPTERS for word, where in expected.of(stem).EXPLAINED.items()
}


@functools.cache
def shown(stem):
    """The listings of a chapter, found once."""
    return listings(CHAPTERS[stem])


def part(chapter, between):
    """The cells of a chapter from one to another, both included."""
    names = [cell.id for cell in chapter.cells]
    return chapter.cells[names.index(between[0]) : names.index(between[1]) + 1]


@functools.cache
def told(between):
    """What the pages quote as code."""
    pages = part(CHAPTERS[PAGES], between)
    return frozenset(code for cell in pages if cell.cell_type == "markdown" for code in quoted(cell))


def constructs(listing):
    """What a listing uses of C, by the names above; a reserved word that has no name here stands for itself."""
    used = {name for name, (pattern, _) in CONSTRUCTS.items() if re.search(pattern, listing.c, re.MULTILINE)}
    for word in re.findall(r"\b[A-Za-z_]\w*\b", CONDITIONS.sub("", listing.c)):
        reserved = word in RESERVED or re.match(r"__[a-z]|_[A-Z][a-z]", word)
        if reserved and word not in AS_IN_JAVA and not any(re.search(p, word) for p, _ in CONSTRUCTS.values()):
            used.add(word)
    for word in re.findall(r"^\s*#\s*(\w+)", listing.c, re.MULTILINE):
        if word in DIRECTIVES and not any(re.search(CONSTRUCTS[one][0], f"#{word}") for one in PREPROCESSOR):
            used.add(f"#{word}")
    return used


def explained_here(what, listing):
    """Whether the chapter says what a thing is: in the text before the listing, or in the next one behind it."""
    where = EXPLAINED_LATER.get(what)
    if where is None:
        return False
    stem, name, pattern = where
    cells = CHAPTERS[stem].cells
    at = [cell.id for cell in cells].index(name)
    if not re.search(pattern, cells[at].source):
        return False
    if listing.chapter != stem:
        return listing.chapter > stem
    following = next(i for i in range(listing.index, len(cells)) if cells[i].cell_type == "markdown")
    return at <= following


def unexplained(found, quoted_code):
    """What listings use and nobody explains, a sentence each."""
    wrong = []
    for listing in found:
        for what in sorted(constructs(listing)):
            if what in CONSTRUCTS and CONSTRUCTS[what][1] in quoted_code:
                continue
            if not explained_here(what, listing):
                wrong.append(f"{listing.chapter}, {listing.what}: nobody explains `{what}`")
    return wrong


def architecture(listing, operands):
    """Which of the two an instruction belongs to: its registers tell."""
    if listing.what.endswith(X86_64) or re.search(r"\b(?:[re]?[abcd]x|[re]?[sd]i|r\d+|[re][sb]p)\b", operands):
        return "x86-64"
    if listing.what.endswith(AARCH64) or re.search(r"\b(?:[xwvdq]\d+|sp|xzr)\b", operands):
        return "AArch64"
    return None


def unexplained_assembly(found, quoted_code):
    wrong = []
    for listing in found:
        for mnemonic, operands in listing.instructions():
            if mnemonic.startswith("."):
                continue  # the pages say what a dot means
            where = architecture(listing, operands)
            tables = [INSTRUCTIONS[where]] if where else list(INSTRUCTIONS.values())
            code = next((table[mnemonic] for table in tables if mnemonic in table), None)
            if code not in quoted_code and not explained_here(mnemonic, listing):
                wrong.append(f"{listing.chapter}, {listing.what}: nobody explains `{mnemonic} {operands}`")
            for name, (pattern, shown) in OPERANDS.items():
                if re.search(pattern, operands) and shown not in quoted_code:
                    wrong.append(f"{listing.chapter}, {listing.what}: nobody explains {name}: `{operands}`")
    return wrong


# ---------------------------------------------------------------- the chapters


@pytest.mark.parametrize("stem", CHAPTERS)
def test_c_is_explained(stem):
    wrong = unexplained(shown(stem), told(C_PAGES) | told(ASSEMBLY_PAGES))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("stem", CHAPTERS)
def test_assembly_is_explained(stem):
    wrong = unexplained_assembly(shown(stem), told(ASSEMBLY_PAGES))
    assert not wrong, "\n".join(wrong)


def test_the_lists_hold_nothing_that_is_not_told():
    code = told(C_PAGES) | told(ASSEMBLY_PAGES)
    told_of = [code for _, code in [*CONSTRUCTS.values(), *OPERANDS.values()]]
    told_of += [code for table in INSTRUCTIONS.values() for code in table.values()]
    assert [one for one in told_of if one not in code] == []


# ---------------------------------------------------------------- what a compiler makes, as far as it can be foreseen


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compiled_listings_have_familiar_instructions(tmp_path, compiler):
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    code, wrong, seen = told(ASSEMBLY_PAGES), set(), 0
    for chapter in CHAPTERS.values():
        functions = compiled_functions(chapter)
        for text in {text for text, _ in functions}:
            source = tmp_path / "listing.c"
            source.write_text(text, encoding="utf-8")
            for level in ("-O0", "-O2"):
                words = [shutil.which(compiler), "-std=c17", level, "-fPIC", "-pthread", f"-I{NATIVE}", "-S", "-o", "-"]
                words += ["-masm=intel", "-fcf-protection=none"] if HERE == "x86-64" else []
                status, assembly = run([*words, source])
                assert status == 0, assembly
                for name in {name for of, name in functions if of == text}:
                    for mnemonic, _ in instructions_of(assembly, name):
                        seen += 1
                        if not familiar(mnemonic, code):
                            wrong.add(f"{chapter.stem}: `{mnemonic}` in {name} by {compiler} {level}")
    assert seen > 30, "no compiler's listing was understood"
    assert not wrong, "\n".join(sorted(wrong))


def familiar(mnemonic, quoted_code):
    if INSTRUCTIONS[HERE].get(mnemonic) in quoted_code:
        return True
    return any(re.fullmatch(pattern, mnemonic) and rule in quoted_code for pattern, rule in RULES_OF_THUMB)


# ---------------------------------------------------------------- the tests themselves


def listing(text, chapter="05-there-and-back", what="a test"):
    return Listing(chapter, 5, what, text)


@pytest.mark.parametrize(
    "text, what",
    [
        ("goto end;", "goto"),
        ("union both { int i; };", "union"),
        ("extern int x;", "extern"),
        ("register int i;", "register"),
        ("int f(int *restrict p);", "restrict"),
        ("_Complex double x;", "_Complex"),
        ("_Thread_local int x;", "_Thread_local"),
        ("int8_t small;", "int8_t"),
        ("typeof(x) __extension__ y;", "__extension__"),
        ("#pragma GCC poison x", "#pragma"),
    ],
)
def test_a_word_that_nobody_explains_is_found(text, what):
    (sentence,) = unexplained([listing(text)], told(C_PAGES))
    assert f"`{what}`" in sentence


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_a_construct_is_missed_when_the_pages_leave_it_out(name):
    code = (told(C_PAGES) | told(ASSEMBLY_PAGES)) - {CONSTRUCTS[name][1]}
    found = [one for stem in CHAPTERS for one in shown(stem) if name in constructs(one)]
    assert not found or any(f"`{name}`" in sentence for sentence in unexplained(found, code))


def test_an_instruction_that_nobody_explains_is_found():
    code = told(ASSEMBLY_PAGES)
    known = listing('__asm__(ASM_FUNCTION(f)\n    "   push    rbx  \\n"\n    ASM_END(f)\n);', what=f"f of {X86_64}")
    assert known.instructions() == [("push", "rbx")]
    assert unexplained_assembly([known], code) == []
    for line in ("xchg    rdi, rsi", "ldr     x0, [x1, #8]", "syscall"):
        strange = listing(f'    "   {line}  \\n"', what=f"f of {X86_64}")
        assert unexplained_assembly([strange], code), line
    assert unexplained_assembly([listing('    "   swpal   x0, x1, [x2]  \\n"', what=f"f of {AARCH64}")], code)
    assert unexplained_assembly([known], code - {"push rbx"})


def test_listings_are_found_and_understood():
    found = shown(PAGES)
    names = [one.what for one in found]
    assert {"ten_arguments of 02-registers-and-calls", f"capture of {X86_64}", f"capture of {AARCH64}"} <= set(names)
    (capture,) = [one for one in found if one.what == f"capture of {X86_64}"]
    assert ("lea", "rax, [rsp + 8]") in capture.instructions()
    assert ("mov", "[rdi + 0 ], rax") in [(m, re.sub(r" +", " ", o)) for m, o in capture.instructions()]
