"""Colours for what stands in the chapters: cells that are Java, C or a magic; assembly; errors."""

from pygments.lexer import Lexer
from pygments.lexers import CLexer, GasLexer, JavaLexer
from pygments.token import Comment, Error, Generic, Keyword, Text


class Tolerant(Lexer):
    """Another lexer's tokens. What it takes for an error is text: a reader's slip of the pen is no warning."""

    inner = None

    def get_tokens_unprocessed(self, text):
        for index, kind, value in self.inner(**self.options).get_tokens_unprocessed(text):
            yield index, Text if kind is Error else kind, value


class Java(Tolerant):
    """A cell. A first line that begins with % is for the kernel, and behind `%%c` all is C."""

    name = "Java, or C behind %%c"
    aliases = ["java"]
    inner = JavaLexer

    def get_tokens_unprocessed(self, text):
        if not text.startswith("%"):
            yield from super().get_tokens_unprocessed(text)
            return
        first, newline, rest = text.partition("\n")
        word, space, arguments = first.partition(" ")
        yield 0, Keyword, word
        yield len(word), Comment.Preproc, space + arguments
        yield len(first), Text, newline
        body = C if word == "%%c" else Java
        for index, kind, value in body(**self.options).get_tokens_unprocessed(rest):
            yield index + len(first) + len(newline), kind, value


class C(Tolerant):
    name = "C"
    aliases = ["c"]
    inner = CLexer

    def get_tokens_unprocessed(self, text):
        if text.startswith("%%c"):  # a solution, which begins as its cell does
            yield from Java(**self.options).get_tokens_unprocessed(text)
        else:
            yield from super().get_tokens_unprocessed(text)


class Assembly(Tolerant):
    name = "Assembly"
    aliases = ["asm"]
    inner = GasLexer


class Failure(Lexer):
    """What a cell says when it fails: its first line says what happened."""

    name = "Failure"
    aliases = ["failure"]

    def get_tokens_unprocessed(self, text):
        first, newline, rest = text.partition("\n")
        yield 0, Generic.Error, first
        yield len(first), Text, newline + rest


ALL = (Java, C, Assembly, Failure)
