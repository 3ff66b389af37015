package greenthreads.lab.source;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A token of C, as far as items can be told apart by it (C17, 5.1.1.2 and 6.4).
 *
 * @param kind what it is
 * @param text what it says
 * @param start the offset of its first character
 * @param line the line it begins on, counted from 1
 * @param lastLine the line it ends on
 */
record Token(Kind kind, String text, int start, int line, int lastLine) {
  enum Kind {
    COMMENT,
    /** A preprocessor directive, to the end of its line or of those over which it goes on. */
    DIRECTIVE,
    WORD,
    /** A string literal with its quotes. */
    STRING,
    /** A number, a character constant, or a single character. */
    OTHER
  }

  // What follows is written with possessive repetitions only: they need no stack, however long the
  // text is. What is not closed ends with its line, as for the compiler; a comment, with the text.

  private static final String CONTINUATION = "\\\\\r?\n";
  private static final String REST_OF_LINE = "(?:[^\\\\\r\n]++|" + CONTINUATION + "|(?!\r?\n).)*+";
  static final String COMMENT = "/\\*(?:[^*]++|\\*(?!/))*+(?:\\*/)?|//" + REST_OF_LINE;
  static final String STRING = "\"(?:[^\"\\\\\n]++|" + CONTINUATION + "|\\\\.)*+\"?";
  static final String CHARACTER = STRING.replace('"', '\'');

  // One pattern for what begins in one way; most of a text, words and spaces, needs none.
  private static final Pattern COMMENTS = Pattern.compile(COMMENT, Pattern.DOTALL);
  private static final Pattern LITERALS = Pattern.compile(STRING + "|" + CHARACTER, Pattern.DOTALL);
  private static final Pattern NUMBERS = Pattern.compile("\\d(?:[\\w$.]|'(?=\\w))*+");
  private static final Pattern DIRECTIVES =
      Pattern.compile(
          "#(?:[^/\"\\\\\r\n]++|"
              + String.join("|", COMMENT, STRING, CONTINUATION, "(?!\r?\n).")
              + ")*+",
          Pattern.DOTALL);

  private static final Pattern NAME = Pattern.compile("#[^\\p{L}]*(\\w*)");

  /** The offset behind its last character. */
  int end() {
    return start + text.length();
  }

  boolean is(Kind wanted) {
    return kind == wanted;
  }

  boolean is(String wanted) {
    return text.equals(wanted);
  }

  /** Whether it is a comment that lacks its end. */
  boolean isOpenComment() {
    return kind == Kind.COMMENT
        && text.startsWith("/*")
        && (text.length() < 4 || !text.endsWith("*/"));
  }

  /** A directive's name, {@code define}; the empty string for what is none or has none. */
  String directive() {
    if (kind != Kind.DIRECTIVE) {
      return "";
    }
    Matcher matcher = NAME.matcher(text);
    return matcher.lookingAt() ? matcher.group(1) : "";
  }

  /** All tokens of a text; what lies between them is white space. */
  static List<Token> all(String text) {
    var tokens = new ArrayList<Token>();
    boolean lineBegins = true;
    int line = 1;
    int at = 0;
    while (at < text.length()) {
      char c = text.charAt(at);
      if (Character.isWhitespace(c)) {
        lineBegins |= c == '\n';
        line += c == '\n' ? 1 : 0;
        at++;
      } else if (text.startsWith("\\\n", at) || text.startsWith("\\\r\n", at)) {
        line++;
        at = text.indexOf('\n', at) + 1;
      } else {
        Kind kind = kind(text, at, lineBegins);
        int end = end(text, at, kind);
        String token = text.substring(at, end);
        int lastLine = line;
        for (int i = token.indexOf('\n'); i >= 0; i = token.indexOf('\n', i + 1)) {
          lastLine++;
        }
        tokens.add(new Token(kind, token, at, line, lastLine));
        lineBegins &= kind == Kind.COMMENT; // only a comment may stand in front of a directive
        line = lastLine;
        at = end;
      }
    }
    return tokens;
  }

  private static Kind kind(String text, int at, boolean lineBegins) {
    char c = text.charAt(at);
    if (isPartOfWord(c)) {
      return Character.isDigit(c) ? Kind.OTHER : Kind.WORD;
    }
    if (c == '#' && lineBegins) {
      return Kind.DIRECTIVE;
    }
    boolean isComment = text.startsWith("/*", at) || text.startsWith("//", at);
    return isComment ? Kind.COMMENT : c == '"' ? Kind.STRING : Kind.OTHER;
  }

  private static int end(String text, int at, Kind kind) {
    return switch (kind) {
      case COMMENT -> end(COMMENTS, text, at);
      case DIRECTIVE -> end(DIRECTIVES, text, at);
      case STRING -> end(LITERALS, text, at);
      case WORD -> {
        int end = at + 1;
        while (end < text.length() && isPartOfWord(text.charAt(end))) {
          end++;
        }
        yield end;
      }
      case OTHER ->
          text.charAt(at) == '\''
              ? end(LITERALS, text, at)
              : Math.max(at + 1, end(NUMBERS, text, at));
    };
  }

  private static boolean isPartOfWord(char c) {
    return c == '_' || c == '$' || Character.isLetterOrDigit(c);
  }

  private static int end(Pattern pattern, String text, int at) {
    Matcher matcher = pattern.matcher(text).region(at, text.length());
    return matcher.lookingAt() ? matcher.end() : at;
  }
}
