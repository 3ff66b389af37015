"""Writes down what native code, and which cells, are as they are shipped: ship.py ROOT

The lab runs such code in the kernel's own process as long as such cells call it, and anything else in a
process that may crash. The list is kept among the sources, so that no build takes a reader's edit for what was shipped.
"""

import hashlib
import json
import sys
from pathlib import Path

LIST = "notebooks/lab/src/main/resources/greenthreads/lab/source/shipped.sha256"


def digest(text: bytes) -> str:
    return hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest()


def shipped(root: Path) -> str:
    """The list: a digest a line, and what it is of, as sha256sum writes it."""
    native = root / "native"
    lines = [
        f"{digest(file.read_bytes())}  {file.relative_to(native).as_posix()}"
        for file in native.rglob("*")
        if file.suffix in (".c", ".h") and ".ipynb_checkpoints" not in file.parts
    ]
    for notebook in (root / "notebooks").glob("*.ipynb"):
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            if cell["cell_type"] != "code":
                continue
            text = "".join(cell["source"])
            first, _, body = text.partition("\n")
            if first.startswith("%%c "):
                lines.append(f"{digest(body.strip().encode())}  %%c {first.split()[1]}")
            elif not first.startswith("%%"):
                lines.append(f"{digest(text.strip().encode())}  cell")
    return "".join(line + "\n" for line in sorted(set(lines), key=lambda line: line[66:] + line))


if __name__ == "__main__":
    root = Path(sys.argv[1])
    (root / LIST).write_text(shipped(root), "utf-8", newline="\n")
