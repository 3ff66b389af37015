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
  private static final String REST_OF_LINE = "(?:" + CONTINUATION + "|(?!\r?\n).)*+";
  static final String COMMENT = "/\\*(?:(?!\\*/).)*+(?:\\*/)?|//" + REST_OF_LINE;
  static final String STRING = "\"(?:" + CONTINUATION + "|\\\\.|[^\"\\\\\n])*+\"?";
  static final String CHARACTER = STRING.replace('"', '\'');
  private static final String LETTER = "[\\p{L}\\p{N}_$]";

  private static final Pattern DIRECTIVE =
      Pattern.compile(
          "#(?:" + String.join("|", COMMENT, STRING, CONTINUATION, "(?!\r?\n).") + ")*+",
          Pattern.DOTALL);

  private static final Pattern NAME = Pattern.compile("#[^\\p{L}]*(\\w*)");

  private static final Pattern ANY =
      Pattern.compile(
          String.join(
              "|",
              "(?<space>\\s++|" + CONTINUATION + ")",
              "(?<comment>" + COMMENT + ")",
              "(?<string>" + STRING + ")",
              CHARACTER,
              "\\p{N}(?:" + LETTER + "|\\.|'(?=" + LETTER + "))*+",
              "(?<word>" + LETTER + "++)",
              "."),
          Pattern.DOTALL);

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

  /** A directive's name, {@code define}; the empty string for what is none or has none. */
  String directive() {
    Matcher matcher = NAME.matcher(text);
    return kind == Kind.DIRECTIVE && matcher.lookingAt() ? matcher.group(1) : "";
  }

  /** All tokens of a text; what lies between them is white space. */
  static List<Token> all(String text) {
    var tokens = new ArrayList<Token>();
    Matcher any = ANY.matcher(text);
    Matcher directive = DIRECTIVE.matcher(text);
    boolean lineBegins = true;
    int line = 1;
    int at = 0;
    while (at < text.length()) {
      boolean isDirective = lineBegins && text.charAt(at) == '#';
      Matcher found = isDirective ? directive : any;
      found.region(at, text.length()).lookingAt();
      String token = found.group();
      int lastLine = line + Math.toIntExact(token.chars().filter(c -> c == '\n').count());
      if (!isDirective && found.group("space") != null) {
        lineBegins |= lastLine > line && token.charAt(0) != '\\';
      } else {
        Kind kind = isDirective ? Kind.DIRECTIVE : kind(found);
        lineBegins &= kind == Kind.COMMENT; // only a comment may stand in front of a directive
        tokens.add(new Token(kind, token, at, line, lastLine));
      }
      line = lastLine;
      at = found.end();
    }
    return tokens;
  }

  private static Kind kind(Matcher found) {
    if (found.group("comment") != null) {
      return Kind.COMMENT;
    }
    if (found.group("string") != null) {
      return Kind.STRING;
    }
    return found.group("word") != null ? Kind.WORD : Kind.OTHER;
  }
}
