"""How Sphinx makes the site. build.sh book calls it by __main__.py, which writes the pages first."""

import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from lexers import ALL  # noqa: E402

project = "Green threads"
author = "the authors of these chapters"
html_title = "Green threads"
language = "en"
extensions = ["myst_nb"]
exclude_patterns = ["_notebooks"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# They were executed before: here a failing cell would only be a warning.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_text_lexer = "text"
nb_render_error_lexer = "failure"
nb_output_stderr = "show"

html_theme = "sphinx_book_theme"
html_static_path = [str(HERE / "static")]
html_css_files = ["figures.css", "book.css"]
html_js_files = [("figures.js", {"defer": "defer"}), ("book.js", {"defer": "defer"})]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_permalinks_icon = "#"
html_domain_indices = False
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "show_toc_level": 1,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "footer_content_items": [],
    "navbar_persistent": [],  # the search field stands in the sidebar
}
html_context = {"default_mode": "auto"}

# --- The EPUB -----------------------------------------------------------------------------------

epub_basename = "green-threads"
epub_title = html_title
epub_author = author
epub_copyright = author
version = release = "1"
pygments_style = "a11y-high-contrast-light"
epub_show_urls = "no"
epub_tocscope = "includehidden"
epub_css_files = ["figures.css", "reader.css"]


def without_what_moves(app, document, _):
    """A reader of EPUBs takes XHTML only, and runs no program: each figure shows all that it has at once."""
    if app.builder.name != "epub":
        return
    from bs4 import BeautifulSoup

    for raw in document.findall(nodes.raw):
        if "html" not in raw.get("format", ""):
            continue
        page = BeautifulSoup(raw.astext(), "html.parser")
        for element in page.select("script, style, button, input, [hidden]"):
            element.decompose()
        for element in page.select("[onclick], [tabindex]"):
            del element["onclick"], element["tabindex"]
        for link in page.select("a[href]"):
            if "://" not in link["href"]:
                link["href"] = re.sub(r"\.html(?=#|$)", ".xhtml", link["href"])
        raw.children = [nodes.Text(page.decode(formatter="minimal"))]


def without_styles_that_are_not_there(app, _page, _template, context, _document):
    """MyST-NB names its own on each page, and puts it only beside those of a site."""
    if app.builder.name == "epub":
        context["css_files"] = [sheet for sheet in context["css_files"] if "mystnb" not in str(sheet.filename)]


# --- The index of terms: what a chapter sets in bold where it explains it -----------------------

# Bold for other reasons: the beats of a step, and stress.
NO_TERMS = {"run", "observe", "explain", "experiment", "exercise", "predict", "not", "six", "allowed", "touched", "top"}
SENTENCE = re.compile(r"[.?!:]$|^(You|Change|Trust|What|Because|But|So|It|A|The)\b|^this ")


def is_term(text):
    return len(text.split()) <= 4 and text.lower() not in NO_TERMS and not SENTENCE.search(text)


class IndexOfTerms(SphinxTransform):
    """Puts each word that a chapter sets in bold into the index. Runs before Sphinx collects the index."""

    default_priority = 500

    def apply(self, **_):
        if not re.match(r"\d\d-", self.env.docname):
            return
        chapter = self.document.next_node(nodes.title).astext().replace(";", ",")
        seen = set()
        for strong in list(self.document.findall(nodes.strong)):
            text = strong.astext()
            if not is_term(text) or text.lower() in seen:
                continue
            seen.add(text.lower())
            name = f"term-{nodes.make_id(text)}"
            entry = text if text.isupper() or any(c.isupper() for c in text[1:]) else text.lower()
            index = addnodes.index(entries=[("single", f"{entry.replace(';', ',')}; {chapter}", name, "", None)])
            place = nodes.target("", "", ids=[name])
            strong.replace_self([index, place, strong])


# --- Lines of native files, to link to ----------------------------------------------------------


def name_lines(app, document):
    if app.env.docname.startswith("native/"):
        for block in document.findall(nodes.literal_block):
            block["highlight_args"] = block.get("highlight_args", {}) | {"lineanchors": "line"}


def setup(app):
    for lexer in ALL:
        for alias in lexer.aliases:
            app.add_lexer(alias, lexer)
    app.add_transform(IndexOfTerms)
    app.connect("doctree-read", name_lines)
    app.connect("doctree-resolved", without_what_moves)
    app.connect("html-page-context", without_styles_that_are_not_there)
    # What the figures share lies beside the pages.
    app.connect("config-inited", lambda app, config: config.html_static_path.append(str(Path(app.srcdir) / "_figures")))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
