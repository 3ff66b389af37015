"""What the chapters show of C and of assembly: the listings that cells quote, and the C that stands in cells."""

import re
from dataclasses import dataclass

from chapters import fenced_blocks, folds
from project import NATIVE

X86_64, AARCH64 = "arch/x86_64-sysv", "arch/aarch64"


@dataclass
class Listing:
    """One piece of C, with the assembly in it: where it stands, and its text without comments."""

    chapter: str
    index: int  # of its cell
    what: str
    text: str

    @property
    def c(self):
        """The C alone: strings blanked out, and with them the assembly."""
        return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', self.text)

    def instructions(self):
        """Mnemonic and operands of each line of assembly in its strings."""
        found = []
        # Neighbouring strings are one; a macro between them stands for an offset or a name.
        for line in re.findall(r'^\s*(?:[A-Z_]+\s+)*((?:"[^\n]*?))$', self.text, re.MULTILINE):
            code = "".join(
                string[1:-1] if string.startswith('"') else " 0 "
                for string in re.findall(r'"(?:\\.|[^"\\])*"|\w+\([^"]*?\)+', line)
            )
            for statement in re.split(r"\\n|;", code):
                m = re.match(r"(?:\s{2,}|\d+:\s+)([.a-z][\w.]*)(?:\s+(.*?))?\s*$", statement)
                if m:
                    found.append((m[1], m[2] or ""))
        return found


def without_comments(text):
    """C without comments, every line where it was."""
    return re.sub(
        r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/',
        lambda m: m[0] if m[0].startswith('"') else re.sub(r"[^\n]", " ", m[0]),
        text,
        flags=re.DOTALL,
    )


def definition(file, name):
    """The lines that define a name in one of the files of native/, as the lab quotes them; None if none do."""
    path = NATIVE / file
    if path.is_dir():
        found = [definition(header.relative_to(NATIVE).as_posix(), name) for header in sorted(path.glob("*.h"))]
        return next(filter(None, found), None)
    path = path if file.endswith(".h") else NATIVE / f"{file}.c"
    text = without_comments(path.read_text(encoding="utf-8"))
    bare = re.escape(name.split()[-1])
    for pattern in (
        rf"^__asm__\(ASM_\w+\({bare}\)[^\n]*\n.*?^\);",
        rf"^(?:typedef )?(?:struct|enum|union) {bare} \{{.*?^\}}[^\n]*;",
        rf"^[a-zA-Z_][^\n;#]*\b{bare}\([^;{{]*\) ?\{{.*?^\}}",
        rf"^#define {bare}\b(?:[^\n]*\\\n)*[^\n]*",
        rf"^[a-z][^\n(]*\b{bare}\b[^\n(]*;",
    ):
        m = re.search(pattern, text, re.MULTILINE | re.DOTALL)
        if m:
            return m[0]
    return None


CALL = re.compile(r"Lab\s*\.\s*(source|code|assembly)\(\s*([^,()]+?),\s*\"([^\"]+)\"", re.DOTALL)
MAGIC = re.compile(r"%%c (\S+)[^\n]*\n")


def files_named(expression, constants):
    """The files that the first argument of Lab.source may mean: both architectures' where it depends."""
    literals = re.findall(r'"([^"]+)"', expression)
    return literals or constants.get(expression.strip(), [])


def constants_of(chapter):
    """The texts that a chapter's cells give names to."""
    found = {}
    for cell in chapter.code:
        for declared in re.findall(r"^\s*String (\w+ = [^;]*);", cell.source, re.MULTILINE):
            for one in re.split(r",\s*(?=\w+ = )", declared):
                name, value = one.split(" = ", 1)
                found[name] = re.findall(r'"([^"]+)"', value)
    return found


def listings(chapter):
    """Every listing of C that a chapter shows, in its order; also the compiler's ones, as the C they come from."""
    found, cells_of_c, constants = [], {}, constants_of(chapter)
    for index, cell in enumerate(chapter.cells):
        source = cell.source
        if cell.cell_type == "markdown":
            blocks = [b for _, body in folds(source) for b in fenced_blocks(body)]
            shown = [b for b in fenced_blocks(source) if b not in blocks]
            for language, block in [*shown, *blocks]:
                if language == "c":
                    found.append(Listing(chapter.stem, index, "C in the text", without_comments(block)))
            continue
        magic = MAGIC.match(source)
        if magic:
            cells_of_c[magic[1]] = without_comments(source[magic.end() :])
            found.append(Listing(chapter.stem, index, f"%%c {magic[1]}", cells_of_c[magic[1]]))
            continue
        for kind, expression, name in CALL.findall(source):
            for file in files_named(expression, constants):
                if file in cells_of_c:
                    continue  # seen where the cell stands
                text = definition(file, name)
                if text is None:
                    raise AssertionError(f"{chapter.stem}: {file} has no {name}: listings.py does not find it")
                found.append(Listing(chapter.stem, index, f"{name} of {file}", text))
    return found


def compiled_functions(chapter):
    """The functions whose assembly a chapter shows as the compiler makes it: what to compile, and their names."""
    found, cells_of_c, constants = [], {}, constants_of(chapter)
    for cell in chapter.code:
        magic = MAGIC.match(cell.source)
        if magic and "--from" not in magic[0]:
            cells_of_c[magic[1]] = cell.source[magic.end() :]
        for kind, expression, name in CALL.findall(cell.source):
            for file in files_named(expression, constants) if kind != "source" else []:
                path = NATIVE / f"{file}.c"
                text = cells_of_c.get(file) or (path.read_text(encoding="utf-8") if path.exists() else None)
                if text is not None:
                    found.append((text, name))
    return found


def instructions_of(assembly, function):
    """Mnemonic and operands of each instruction of a function, out of what `cc -S` wrote."""
    m = re.search(rf"^_?{function}:(.*?)^\s*\.(?:size|cfi_endproc)", assembly, re.MULTILINE | re.DOTALL)
    return re.findall(r"^\s+([a-z][\w.]*)(?:[ \t]+(.*?))?\s*$", m[1], re.MULTILINE) if m else []
