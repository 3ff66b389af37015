"""Makes a site of all chapters, executed: python book --root R --build B --packages P [--into F] [chapter…].

The chapters run first, two at once, each in a fresh kernel. Then their pages, those of the native
files and of the glossary are written for Sphinx, which makes the site. A site with a warning or with
a link that leads nowhere is none: what was there before stays.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True, help="the checkout")
    parser.add_argument("--build", type=Path, required=True, help="the build folder")
    parser.add_argument("--packages", required=True, help="where Sphinx and the rest are installed")
    parser.add_argument("--into", type=Path, help="where the site goes; B/book without")
    parser.add_argument("chapters", nargs="*", help="run only these, by number; without, all")
    return parser.parse_args()


def chosen(paths, numbers):
    """The notebooks to run."""
    unknown = [n for n in numbers if not any(path.stem.startswith(n) for path in paths)]
    if unknown:
        raise SystemExit(f"There is no chapter {', '.join(unknown)}.")
    return [path for path in paths if not numbers or any(path.stem.startswith(n) for n in numbers)]


def execute(paths, numbers):
    """Every notebook, the chosen ones with outputs. None if one of them failed."""
    from execute import run_all, unexecuted

    to_run = chosen(paths, numbers)
    results, failed = {path: unexecuted(path) for path in paths}, 0
    for done in run_all(to_run):
        print(f"  {done.path.stem:<30} ", end="")
        print(f"failed\n\n{done.failure}\n" if done.failure else f"{done.seconds:.0f} s", flush=True)
        failed += bool(done.failure)
        results[done.path] = done
    if failed:
        print(f"{failed} of {len(to_run)} chapters failed: no site was made.")
        return None
    return list(results.values())


def repository(root):
    """Where the checkout lies in public: owner/name and commit, or nothing."""
    name = os.environ.get("GITHUB_REPOSITORY", "")
    if name:
        return name, os.environ.get("GITHUB_SHA", "HEAD")
    words = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        said = subprocess.run(words, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        said = ""
    found = re.search(r"github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", said)
    return (found[1], "HEAD") if found else ("", "HEAD")


def write_pages(results, root, source):
    import nbformat

    import pages

    if source.exists():
        shutil.rmtree(source)
    (source / pages.NOTEBOOKS_AS_THEY_ARE).mkdir(parents=True)
    name, commit = repository(root)
    site = pages.Site(root, name, commit)
    notebooks = [done.path for done in results]
    for done in results:
        nbformat.write(pages.page_of(done, site), source / done.path.name)
        shutil.copyfile(done.path, source / pages.NOTEBOOKS_AS_THEY_ARE / done.path.name)
    texts = {
        "index.md": pages.front_page(notebooks, site),
        "words.md": pages.glossary_page(results[0].notebook),
        "native/index.md": pages.native_index(site),
    }
    texts |= {pages.page_name(native) + ".md": pages.native_page(native, site) for native in site.native()}
    texts |= {"_figures/figures.css": "\n".join(site.styles), "_figures/figures.js": "\n".join(site.scripts)}
    for place, text in texts.items():
        file = source / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def make(builder, source, site, doctrees):
    """Sphinx over the pages; whether it had nothing to complain of."""
    from sphinx.cmd.build import main as sphinx

    here = Path(__file__).resolve().parent
    words = ["-b", builder, "-E", "-q", "-W", "--keep-going", "-j", "auto", "-c", str(here), "-d", str(doctrees)]
    return sphinx([*words, str(source), str(site)]) == 0


def main():
    given = arguments()
    sys.path.insert(0, given.packages)
    import links
    import pages

    notebooks = given.root / "notebooks"
    paths = sorted(notebooks.glob("[0-9][0-9]-*.ipynb")) + [notebooks / "gallery.ipynb"]
    results = execute(paths, given.chapters)
    if results is None:
        return 1
    started = time.monotonic()
    work, book = given.build / "book-work", (given.into or given.build / "book").absolute()
    for former in ("site", "epub"):
        shutil.rmtree(work / former, ignore_errors=True)
    write_pages(results, given.root, work / "pages")
    made = make("html", work / "pages", work / "site", work / "doctrees")
    made &= make("epub", work / "pages", work / "epub", work / "doctrees-epub")
    shutil.copyfile(work / "epub" / pages.EPUB, work / "site" / pages.EPUB)
    faults = links.faults(work / "site") + links.faults_of_epub(work / "site" / pages.EPUB)
    print("".join(f"  {fault}\n" for fault in faults), end="")
    if not made or faults:
        print(f"The site has faults, and {book} was left as it is. The pages with the faults: {work / 'site'}")
        return 1
    print(f"  {'the site':<30} {time.monotonic() - started:.0f} s")
    shutil.rmtree(book, ignore_errors=True)
    shutil.move(work / "site", book)
    print(f"Open {book / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
