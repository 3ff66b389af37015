"""Answers that readers will try, one module for each chapter, and what the check must say to each.

    right("03.1", replace={"what the solution has": "what they write"})
    right("03.1", source="the whole cell")
    wrong("03.1", says="the likely cause", replace={"what the solution has": "what they write"})
    wrong("03.1", says="the likely cause", source="the whole cell")

`says` is a pattern for what stands under the check; runs of white space count as one space. The solution in
the notebook is tried too, and is one of the right answers. An answer is tried without the chapter's cells above
the exercise; what it takes from them is said by

    before("02", "boolean x86 = …;")
"""

import importlib
import pkgutil
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    exercise: str
    says: str = ""  # empty: this answer is right
    replace: dict = field(default_factory=dict)
    source: str = ""

    @property
    def is_right(self):
        return not self.says


ANSWERS = []
BEFORE = {}


def before(chapter, code):
    """Java that stands in for the chapter's cells above its exercises."""
    BEFORE[chapter] = code


def right(exercise, replace=None, source=""):
    _add(Answer(exercise, "", replace or {}, source))


def wrong(exercise, says, replace=None, source=""):
    assert says, "a wrong answer has a cause"
    _add(Answer(exercise, says, replace or {}, source))


def _add(answer):
    assert bool(answer.replace) != bool(answer.source), "give either a replacement or a source"
    ANSWERS.append(answer)


for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")
