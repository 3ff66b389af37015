"""What prose says of the kernel's own options, held against how the kernel is started."""

import re
import subprocess

import pytest

from chapters import Chapter, chapter_paths
from kernels import installed_spec, java_words
from notebook_rules import quoted

WORDS = {"sixteen": 16}
OF_ANOTHER_JVM = {"-Xint"}  # a JVM "that is told to compile nothing": nobody says that the kernel is
CHAPTERS = [Chapter.read(path) for path in chapter_paths()]


JAVA, *OPTIONS = java_words(installed_spec()[0])


def test_options_that_prose_quotes_are_the_kernels():
    named = {code for chapter in CHAPTERS for cell in chapter.markdown for code in quoted(cell)
             if re.match(r"-X|--enable-", code)}  # fmt: skip
    assert {"-Xss16m", "--enable-native-access"} <= named
    assert OF_ANOTHER_JVM <= named
    assert {code for code in named if not any(option.startswith(code) for option in OPTIONS)} == OF_ANOTHER_JVM


@pytest.mark.chapter("01")
def test_a_thread_reserves_what_prose_says():
    (said,) = [m[1] for chapter in CHAPTERS for cell in chapter.markdown
               if (m := re.search(r"(\w+) megabytes each \(its option `-Xss16m`\)", cell.source))]  # fmt: skip
    assert f"-Xss{WORDS[said]}m" in OPTIONS


@pytest.mark.chapter("00")
def test_java_warns_where_native_access_is_not_enabled(tmp_path):
    """Chapter 00 says that it does; and a warning is all, or the chapter is out of date."""
    program = tmp_path / "Call.java"
    program.write_text("""
        import java.lang.foreign.*;
        class Call {
          public static void main(String[] args) throws Throwable {
            Linker linker = Linker.nativeLinker();
            System.out.println((int) linker.downcallHandle(linker.defaultLookup().find("getpid").orElseThrow(),
                FunctionDescriptor.of(ValueLayout.JAVA_INT)).invokeExact() > 0);
          }
        }""")
    without = subprocess.run([JAVA, program], capture_output=True, text=True)
    assert without.stdout == "true\n" and "--enable-native-access" in without.stderr, without.stderr
    allowed = subprocess.run([JAVA, OPTIONS[0], program], capture_output=True, text=True)
    assert allowed.stdout == "true\n" and allowed.stderr == ""
