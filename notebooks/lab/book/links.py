"""Checks a site's pages: every link inside leads somewhere, and nothing is fetched from elsewhere."""

import posixpath
import zipfile
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

# What a browser fetches by itself, as against what a reader clicks.
FETCHED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"), ("object", "data")}
LINKED = {("a", "href"), ("link", "href")} | FETCHED


class Page(HTMLParser):
    """A page's links, and the places in it that links can lead to."""

    def __init__(self, text):
        super().__init__()
        self.places, self.links, self.fetched = {"", "top"}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.places |= {values[name] for name in ("id", "name") if values.get(name)}
        for name, value in attributes:
            if (tag, name) not in LINKED or value is None:
                continue
            if (tag, name) in FETCHED or tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon"):
                self.fetched.append(value)
            self.links.append(value)


def faults(folder):
    """What is wrong with the pages in a folder, a line each."""
    files = [path for path in folder.rglob("*.html") if "_static" not in path.parts]  # templates lie there
    pages = {path.relative_to(folder).as_posix(): Page(path.read_text(encoding="utf-8")) for path in files}
    found = []
    for name, page in sorted(pages.items()):
        for link in page.fetched:
            if urlsplit(link).netloc:
                found.append(f"{name}: fetches {link}, which lies elsewhere")
        for link in page.links:
            fault = fault_of(link, name, pages, folder)
            if fault:
                found.append(f"{name}: {fault}")
    return list(dict.fromkeys(found))


def fault_of(link, name, pages, folder):
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path))) if parts.path else name
    if path.startswith("../"):
        return f"{link} leads out of the site"
    if path not in pages:
        return None if (folder / path).is_file() else f"{link} leads to a file that is not there"
    if unquote(parts.fragment) not in pages[path].places:
        return f"{link} leads to a place that {path} does not have"
    return None


def faults_of_epub(file):
    """What is wrong with an EPUB, a line each: a page that is no XML is shown by no reader."""
    found = []
    with zipfile.ZipFile(file) as book:
        for name in book.namelist():
            if name.endswith((".xhtml", ".opf", ".ncx")):
                try:
                    ElementTree.fromstring(book.read(name))
                except ElementTree.ParseError as problem:
                    found.append(f"{file.name}: {name} is no XML: {problem}")
    return found
