"""Makes pages of what the checkout holds: executed notebooks, native files, the glossary, the front page."""

import copy
import datetime
import html
import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

import drawings

TITLE = "Green threads, from nothing, in a notebook"
VEGA = re.compile(r"application/vnd\.vegalite\.v\d+\+json")


@dataclass
class Site:
    """What pages refer to, and what they collect: the figures' styles and scripts, once for all."""

    root: Path
    repository: str = ""  # owner/name, where the chapters lie in public
    commit: str = "HEAD"
    today: datetime.date = field(default_factory=datetime.date.today)
    styles: list = field(default_factory=list)
    scripts: list = field(default_factory=list)

    def native(self):
        """The native files' paths, as `native/arch/arch.h`."""
        native = self.root / "native"
        found = sorted(path for path in native.rglob("*") if path.suffix in (".c", ".h") and ".ipynb_checkpoints" not in path.parts)
        return [path.relative_to(self.root).as_posix() for path in found]


def page_name(native):
    """Where a native file's page lies; two files may differ in nothing but what follows the dot."""
    return native.replace(".", "-")


# --- A chapter ---------------------------------------------------------------------------------


def page_of(executed, site):
    """The notebook as it goes into the site."""
    notebook = copy.deepcopy(executed.notebook)
    about = about_page(executed, site)
    first = notebook.cells[0]
    heading, newline, rest = first.source.partition("\n")
    if not heading.startswith("# "):
        raise ValueError(f"{executed.path.name} does not begin with its title")
    first.source = f"{heading}\n\n{about}\n{rest}"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output_of(output, site) for output in cell.outputs]
        else:
            cell.source = with_diagrams(cell)
    return notebook


MERMAID = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def with_diagrams(cell):
    """A text cell whose Mermaid diagrams are drawn: JupyterLab draws them itself, a page would need a script."""
    number = itertools.count(1)
    return MERMAID.sub(lambda found: drawings.diagram(found[1], f"{cell.id}-{next(number)}"), cell.source)


def about_page(executed, site):
    """A line or two under a chapter's title: where it ran, and how to run it oneself."""
    stem = executed.path.stem
    said = []
    if executed.machine:
        said.append(f"Executed on {machine_line(executed.machine)}, on {site.today:%-d %B %Y}.")
        said.append("Another machine gives other addresses and other times.")
    else:
        said.append("This page was made without running its cells.")
    links = [f"{{download}}`The notebook <{NOTEBOOKS_AS_THEY_ARE}/{stem}.ipynb>`", binder_link(stem, site)]
    native = f"native/{stem}.c"
    if (site.root / native).exists():
        links.append(f"its C: [{native}]({page_name(native)}.md)")
    return "\n".join([":::{container} gt-about", " ".join(said), "", " · ".join(links), ":::", ""])


EPUB = "green-threads.epub"
NOTEBOOKS_AS_THEY_ARE = "_notebooks"


def machine_line(machine):
    processor = f" ({machine['processor']})" if machine.get("processor") else ""
    java = machine["Java"].split("+")[0]
    number = machine["processors"]
    return (
        f"{machine['operating system']}, {machine['architecture']}{processor}, "
        f"{number} processor{'' if number == '1' else 's'}, JDK {java}, {machine['C compiler']}"
    )


def binder_link(stem, site):
    if site.repository:
        where = f"https://mybinder.org/v2/gh/{site.repository}/{site.commit}?urlpath=lab/tree/notebooks/{stem}.ipynb"
        return f"[run it on Binder]({where})"
    # Binder will ask for the repository's address.
    return "[run it on Binder](https://mybinder.org/)"


# --- What a cell put out -----------------------------------------------------------------------


def output_of(output, site):
    """An output in the form in which a page shows it."""
    data = output.get("data")
    if not data:
        return output
    charts = [kind for kind in data if VEGA.fullmatch(kind)]
    text = data.get("text/plain", "")
    if charts:
        drawn = drawings.chart(data[charts[0]], text)
        output.data = nbformat.from_dict({"text/html": drawn, "text/plain": text})
    elif "text/html" in data:
        data["text/html"] = without_copies(data["text/html"], site)
    elif "text/markdown" in data:
        data["text/markdown"] = linked(without_copies(data["text/markdown"], site), site)
    return output


STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def without_copies(text, site):
    """Each figure brings its style and its script along. Here all figures share them."""
    for pattern, into in ((STYLE, site.styles), (SCRIPT, site.scripts)):
        for found in pattern.findall(text):
            if found not in into:
                into.append(found)
        text = pattern.sub("", text)
    return text


# In JupyterLab the title of a quoted part opens the file itself.
LISTING = re.compile(r"\[?`((?:native/)?[\w./-]+\.[ch])(?:, lines? (\d+)[^`]*)?[^`\n]*`(?:\]\(\.\./[^)\n]*\))?(?=\n)")


# A Java file beside the chapters has no page: its parts are quoted without a link.
BESIDE = re.compile(r"\A\[(`[^`\n]*`)\]\(\.\./notebooks/[^)\n]*\)(?=\n)")


def linked(markdown, site):
    """A listing's title, which names a file and its lines, leads to the file's page, if it has one."""

    def link(found):
        name = found[1] if found[1].startswith("native/") else f"native/{found[1]}"
        if not (site.root / name).is_file():
            return found[0]
        place = f"#line-{found[2]}" if found[2] else ""
        title = html.escape(found[0].lstrip("[").split("`")[1])
        return f'<p><a href="{page_name(name)}.html{place}"><code>{title}</code></a></p>'

    return BESIDE.sub(r"\1", LISTING.sub(link, markdown, count=1))


# --- Native files ------------------------------------------------------------------------------


def native_page(native, site):
    """A page that shows a native file, with a link for each line."""
    path = site.root / native
    chapter = site.root / "notebooks" / f"{path.stem}.ipynb"
    up = "../" * native.count("/")
    said = [f"# {native}", ""]
    if chapter.exists():
        said += [f"The native code of chapter [{title_of(chapter)}]({up}{chapter.name}).", ""]
    text = path.read_text(encoding="utf-8")
    fence = "`" * 8
    return "\n".join([*said, fence + "{code-block} c", ":linenos:", "", text.rstrip("\n"), fence, ""])


def title_of(path):
    """A notebook's title."""
    first = nbformat.read(path, as_version=4).cells[0].source.partition("\n")[0]
    return first.removeprefix("# ")


def native_index(site):
    lines = [
        "# Native code",
        "",
        "What the cells call: one file of C for each chapter, and one for each kind of processor and system.",
        "",
        "```{toctree}",
        ":maxdepth: 1",
        "",
        *[page_name(native).removeprefix("native/") for native in site.native()],
        "```",
        "",
    ]
    return "\n".join(lines)


# --- Words -------------------------------------------------------------------------------------


def glossary_page(start):
    """The glossary at the end of chapter 00, as a page of terms."""
    cell = next(cell for cell in start.cells if cell.id == "glossary")
    head, rows = None, []
    for line in cell.source.splitlines():
        if not line.startswith("|"):
            continue
        # A bar within code is no border.
        row = [part.strip() for part in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if set("".join(row)) <= set("-: "):
            continue
        if head is None:
            head = row
        else:
            rows.append(row)
    if not rows or any(len(row) != len(head) for row in rows):
        raise ValueError("the glossary of chapter 00 is no table of equal rows")
    said = [
        "# Words",
        "",
        "Our words, and what the book and the JDK call the same things.",
        "",
        "::::{glossary}",
    ]
    for here, in_book, in_jdk, meaning in rows:
        others = [f"{who}: {word}" for who, word in (("the book", in_book), ("the JDK", in_jdk)) if word != "–"]
        aside = [f"  In {'; in '.join(others)}.", ""] if others else []
        end = "" if meaning.endswith((".", ".)")) else "."
        said += [here, f"  {meaning[0].upper()}{meaning[1:]}{end}", "", *aside]
    return "\n".join([*said, "::::", ""])


# --- The front page ----------------------------------------------------------------------------


GALLERY = "what kinds of pictures are there, and which line draws each?"


def questions(readme):
    """Notebook to the question it answers, from the README's table."""
    found = re.findall(r"^\| \[[^\]]*\]\(notebooks/([\w.-]+\.ipynb)\) \| (.+?) \|$", readme, re.MULTILINE)
    return dict(found)


def pitch(readme):
    """The README's first two paragraphs."""
    return readme.partition("\n## ")[0].partition("\n")[2].strip()


def front_page(notebooks, site):
    readme = (site.root / "README.md").read_text(encoding="utf-8")
    asked = questions(readme)
    table = ["| chapter | the question |", "|---|---|"]
    for path in notebooks:
        table.append(f"| [{title_of(path)}]({path.name}) | {asked.get(path.name, GALLERY if path.stem == 'gallery' else '')} |")
    lines = [
        f"# {TITLE}",
        "",
        pitch(readme),
        "",
        "These pages show the chapters as they ran. To run them yourself, which is what they are made for, take the "
        "notebooks: on your own machine with two commands, or on Binder with a click. Each page has the links.",
        "",
        "```{only} not epub",
        f'To read them elsewhere: <a href="{EPUB}">all pages as an EPUB</a>. Figures do not move there; all else is in it.',
        "```",
        "",
        *table,
        "",
        "```{toctree}",
        ":hidden:",
        ":maxdepth: 1",
        "",
        *[path.stem for path in notebooks],
        "```",
        "",
        "```{toctree}",
        ":hidden:",
        ":maxdepth: 1",
        ":caption: Beside the chapters",
        "",
        "words",
        "native/index",
        "Index of terms <genindex>",
        "```",
        "",
    ]
    return "\n".join(lines)
