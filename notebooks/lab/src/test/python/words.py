"""One word, one meaning: what the chapters, the comments and the README may not call things, and why.

What is looked at, a passage each: the paragraphs of Markdown cells and of the README, without what they quote as
code; the comments and the texts between quotes of code cells, of fenced code, and of the files under native/.
"""

import re
from dataclasses import dataclass

import expected
from chapters import FENCE, Chapter, chapter_paths
from project import NATIVE, ROOT

PROSE, COMMENT, TEXT = "prose", "comment", "text"


@dataclass(frozen=True)
class Passage:
    where: str  # 06/spawn-explain, native/06-threads-and-a-scheduler.c:75, README.md:12
    file: str  # 06, native/06-threads-and-a-scheduler.c, README.md
    kind: str
    text: str  # on one line, without the marks of a comment

    @property
    def chapter(self):
        """The number of the chapter that it belongs to; None for what belongs to several."""
        number = re.match(r"(?:native/)?(\d\d)", self.file)
        return int(number[1]) if number else None


@dataclass(frozen=True)
class Rule:
    name: str
    pattern: str
    reason: str
    kinds: tuple = (PROSE, COMMENT, TEXT)
    chapters: range | None = None  # None: everywhere, what belongs to no chapter included
    only_native: bool = False
    unless: str = ""  # a passage in which this is found may use the word

    def found_in(self, passage):
        """What the rule forbids in a passage, with a few words around it."""
        if passage.kind not in self.kinds or (self.chapters is not None and passage.chapter not in self.chapters):
            return []
        if self.only_native and not passage.file.startswith("native/"):
            return []
        if self.unless and re.search(self.unless, passage.text):
            return []
        return [
            passage.text[max(0, m.start() - 40) : m.end() + 40]
            for m in re.finditer(self.pattern, passage.text, re.IGNORECASE)
        ]


# Where a rule has a first chapter and no last one.
LAST = 100

OF_THE_SYSTEM = (
    r"\b(?:Linux|system's|OS|Windows|macOS|Darwin) kernel|"
    r"\bkernel(?:'s)? (?:stack|mode|space|memory|thread|table|slab|scheduler|interrupt|developer|version|mapping|call)|"
    r"\b(?:a|the) kernel (?:keeps|needs|counts|maps|gives|refuses|schedules|switches|knows|saves|stores|puts|splits|has|must)"
)

RULES = [
    Rule("kernel", OF_THE_SYSTEM, "the kernel is the notebook's; the operating system's is called the system, or Linux"),
    Rule("kernel", r"\bkernels?\b", "native code knows no notebook: say the system, or Linux", (COMMENT, TEXT),
         only_native=True),
    Rule("guard", r"\bguard(?:s|ed|ing)?\b(?! pages?\b)", "say guard page; the function of chapter 06 is `guard`, as code",
         (PROSE,)),
    Rule("guard", r"\bguard(?:s|ed|ing)\b|\b(?:a|an|the|its|their|best|no|larger|any|each|another|guarding) guard\b(?! pages?\b)",
         "say guard page; or the function's bare name, guard", (COMMENT, TEXT)),
    Rule("guard", r"\bguard\b(?! pages?\b)", "chapter 07 has no function of that name: say guard page", (COMMENT, TEXT),
         range(7, 8)),
    Rule("done", r"(?-i:\b[Dd]one\b)", "a thread, a function, a side finishes: it has finished"),
    Rule("free place", r"\bplaces?\b[^.;:]{0,30}\bfree\b|\bfree places?\b", "a place in the table is available",
         chapters=range(6, LAST)),
    Rule("visitor, worker", r"\bvisitors?\b|\bworkers?\b", "before chapter 06 there are sides, from then on threads"),
    Rule("visitor, worker", r"\bvisit(?:s|ed|ing)?\b|\brounders?\b", "say what happens: a switch there and back",
         chapters=range(5, LAST)),
    Rule("processor", r"\bprocessors? at work\b|\bprocessors? (?:of|in) a runtime\b|\bone processor per runtime\b",
         "an OS thread is meant: a processor is hardware"),
    Rule("core", r"\b(?:a|an|the|same|other|another|each|every|this|that|which) cores?\b",
         "the hardware is called processor; cores are counted", (PROSE, COMMENT)),
    Rule("thread", r"(?<!\bOS )(?<!\bgreen )\bthreads?\b", "ours are called sides here: threads begin with chapter 06",
         chapters=range(5, 6), unless=r"[Cc]hapter (?:0[6-9]|1\d)|operating system|@chapter-06"),
    Rule("swap", r"\bswap(?:s|ped|ping)?\b", "swap is chapter 03's; from chapter 05 on it is a switch", (PROSE,),
         range(5, LAST), unless=r"[Cc]hapter 03"),
    Rule("switch names", r"\bswitch_context\b|\bswitch_stack\b", "chapters 03 and 04 have swap", chapters=range(0, 5)),
    Rule("switch names", r"\bswitch_stack\b", "the switch of chapters 05 and 06 is switch_context", chapters=range(5, 7)),
    Rule("slot", r"\bslots?\b[^.;:]{0,40}\btable\b|\btable\b[^.;:]{0,20}\bslots?\b", "a slot is on a stack; a table has places",
         chapters=range(6, 8)),
    Rule("word", r"\ba word of (?!eight\b|8\b|sixty-four\b|64\b)\w+ (?:bytes|bits)\b", "a word is eight bytes here"),
    Rule("clumsy", r"byte that counts least|make-believe|\blife goes on\b|\bfor company\b|gap in the fence|order of badness",
         "name the thing"),
]

# Where a rule is not meant: what is found must contain the text. Each with its reason. A chapter may have
# exceptions of its own: WORDS in its expectations.
ALLOWED = [
    ("done", "to be done", "work, not a thread"),
    ("done", "is done in one place", "work, not a thread"),
    ("done", "half done", "work, not a thread"),
    ("done", "done right", "work, not a thread"),
    ("done", "next to nothing", "work, not a thread"),
    ("done", "got more done", "work, not a thread"),
    ("done", "done in advance", "work, not a thread"),
]


CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
TOKENS = re.compile(
    r'"""(?P<block>(?:\\.|[^\\])*?)"""|"(?P<text>(?:\\.|[^"\\\n])*)"|\'(?:\\.|[^\'\\\n])*\''
    r"|(?P<line>(?://[^\n]*(?:\n[ \t]*)?)+)|/\*(?P<comment>.*?)\*/",
    re.DOTALL,
)


def one_line(text):
    return re.sub(r"\s+", " ", text).strip()


def bare(comment):
    """A comment without the marks that make it one."""
    return one_line(re.sub(r"^[ \t]*(?://+|\*)", " ", comment, flags=re.MULTILINE))


def in_code(source, where, file):
    """The comments and texts of C or Java; `where` is called with the line."""
    for m in TOKENS.finditer(source):
        line = source.count("\n", 0, m.start()) + 1
        comment = m["line"] or m["comment"]
        text = m["text"] or m["block"]
        if comment:
            for part in re.split(r"\n[ \t]*\*?[ \t]*\n", comment):
                yield Passage(where(line), file, COMMENT, bare(part))
        elif text:
            yield Passage(where(line), file, TEXT, one_line(text))


def in_markdown(source, where, file):
    for m in FENCE.finditer(source):
        if m[2] in ("c", "java"):
            yield from in_code(m[3], where, file)
    prose = FENCE.sub(lambda m: "\n" * m[0].count("\n"), source)
    for m in re.finditer(r"(?:[^\n]+\n?)+", prose):
        text = CODE_SPAN.sub("`…`", m[0])
        text = re.sub(r"\[\d\d [^\]]*\]\([^)]*\)", "[…](…)", text)  # a chapter's title is quoted
        text = re.sub(r"(\]\()[^)]*\)", r"\1…)", text)  # where a link leads
        yield Passage(where(prose.count("\n", 0, m.start()) + 1), file, PROSE, one_line(text))


def passages_of(chapter):
    file = chapter.stem[:2]
    for cell in chapter.cells:
        where = f"{file}/{cell.id}"
        found = in_markdown if cell.cell_type == "markdown" else in_code
        yield from found(cell.source, lambda line, where=where: where, file)


def passages():
    """All that a reader reads."""
    for path in chapter_paths():
        if path.stem[0].isdigit():
            yield from passages_of(Chapter.read(path))
    for path in sorted([*NATIVE.glob("*.c"), *NATIVE.glob("*/**/*.h")]):
        file = path.relative_to(ROOT).as_posix()
        yield from in_code(path.read_text(encoding="utf-8"), lambda line, file=file: f"{file}:{line}", file)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    yield from in_markdown(readme, lambda line: f"README.md:{line}", "README.md")


def exceptions(passage):
    """What is allowed in a passage: everywhere, or in its chapter."""
    chapter = passage.chapter
    return ALLOWED if chapter is None else [*ALLOWED, *expected.of(f"{chapter:02}").WORDS]


def is_allowed(rule, found, passage):
    return any(name == rule.name and text in found for name, text, _ in exceptions(passage))


def wrong_words(passages):
    """A sentence for each word that has another meaning than its own."""
    return [
        f"{passage.where}: {rule.name}: “…{found}…”: {rule.reason}"
        for passage in passages
        for rule in RULES
        for found in rule.found_in(passage)
        if not is_allowed(rule, found, passage)
    ]
