"""Sums up what JUnit and pytest reported; the last line it prints counts all tests.

A run is good only if nothing failed, the runners ended well, each ran at least one test, and, where
CI is set, nothing was skipped. Needs nothing but Python itself.
"""

import argparse
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


class Report:
    """The tests one runner reported, by outcome. A runner that broke off leaves no report, or half of one."""

    def __init__(self, runner, status, files):
        self.runner, self.status = runner, status
        self.passed, self.failed, self.skipped, self.unreadable = [], [], [], []
        for file in files:
            try:
                cases = ElementTree.parse(file).iter("testcase")
            except (OSError, ElementTree.ParseError) as problem:
                self.unreadable.append(f"{file}: {problem}")
                continue
            for case in cases:
                self.add(case)

    def add(self, case):
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            self.failed.append(name)
        elif skipped is not None:
            reason = skipped.get("message") or (skipped.text or "").strip() or "no reason given"
            # JUnit puts the exception's name before what it says.
            reason = re.sub(r"^[\w.$]+Exception: (Assumption failed: )?", "", reason.splitlines()[0])
            self.skipped.append((name, reason))
        else:
            self.passed.append(name)

    def problems(self):
        yield from self.unreadable
        if not self.passed and not self.failed:
            yield f"{self.runner} ran no test."
        if self.status != 0 and not self.failed:
            yield f"{self.runner} ended with status {self.status}, though none of its tests failed: see above."


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for runner, what in ("maven", "the folder of its reports, if it ran"), ("pytest", "its report"):
        parser.add_argument(
            f"--{runner}", nargs=2, required=runner == "pytest", metavar=("STATUS", "REPORT"), help=f"exit status, {what}"
        )
    arguments = parser.parse_args()
    reports = [Report("pytest", int(arguments.pytest[0]), [Path(arguments.pytest[1])])]
    if arguments.maven:
        reports.insert(0, Report("Maven", int(arguments.maven[0]), sorted(Path(arguments.maven[1]).glob("TEST-*.xml"))))
    passed, failed, skipped = (
        [test for report in reports for test in getattr(report, outcome)]
        for outcome in ("passed", "failed", "skipped")
    )
    problems = [problem for report in reports for problem in report.problems()]
    if skipped and os.environ.get("CI", "").lower() not in ("", "0", "false"):
        problems.append("Nothing may be skipped in CI.")

    print()
    for name, reason in skipped:
        print(f"skipped: {name}: {reason}")
    for name in failed:
        print(f"failed: {name}")
    for problem in problems:
        print(f"problem: {problem}")
    print(f"tests: {len(passed)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed or problems else 0


if __name__ == "__main__":
    sys.exit(main())
