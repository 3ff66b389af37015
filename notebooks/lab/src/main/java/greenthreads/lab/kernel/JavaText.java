package greenthreads.lab.kernel;

import java.util.ArrayList;
import java.util.List;

/**
 * A cell of Java in its pieces: what is code, and what only looks like it.
 *
 * <p>White space between the pieces is left out.
 */
final class JavaText {
  enum Kind {
    COMMENT,
    /** A text or a character, with its quotes. */
    LITERAL,
    /** A name, a keyword or a number. */
    WORD,
    /** One character, or {@code ==}. */
    SIGN,
    /** {@code %name …} to its line's end, where a statement or a value may begin. */
    MAGIC
  }

  /**
   * One piece.
   *
   * @param start where it begins in the cell
   * @param end where it ends, exclusive
   * @param closed false where what is typed at its end still belongs to it: a comment to its line's
   *     end, a literal that is cut off
   */
  record Piece(Kind kind, int start, int end, boolean closed, String text) {
    boolean is(String sign) {
      return kind == Kind.SIGN && text.equals(sign);
    }
  }

  private final String code;
  private final List<Piece> pieces = new ArrayList<>();
  private int at;

  private JavaText(String code) {
    this.code = code;
  }

  static List<Piece> pieces(String code) {
    var text = new JavaText(code);
    while (text.at < code.length()) {
      text.next();
    }
    return text.pieces;
  }

  /** The same without comments. */
  static List<Piece> withoutComments(String code) {
    return pieces(code).stream().filter(piece -> piece.kind != Kind.COMMENT).toList();
  }

  private void next() {
    char c = code.charAt(at);
    if (Character.isWhitespace(c)) {
      at++;
    } else if (code.startsWith("//", at)) {
      add(Kind.COMMENT, lineEnd(), false);
    } else if (code.startsWith("/*", at)) {
      int end = code.indexOf("*/", at + 2);
      add(Kind.COMMENT, end < 0 ? code.length() : end + 2, end >= 0);
    } else if (code.startsWith("\"\"\"", at)) {
      literal("\"\"\"", code.length());
    } else if (c == '"' || c == '\'') {
      literal(String.valueOf(c), lineEnd());
    } else if (Character.isJavaIdentifierPart(c)) {
      int end = at;
      while (end < code.length() && isWord(end)) {
        end++;
      }
      add(Kind.WORD, end, true);
    } else if (c == '%' && beginsMagic()) {
      add(Kind.MAGIC, lineEnd(), true);
    } else {
      add(Kind.SIGN, code.startsWith("==", at) ? at + 2 : at + 1, true);
    }
  }

  private boolean isWord(int index) {
    char c = code.charAt(index);
    return Character.isJavaIdentifierPart(c)
        || c == '.' && Character.isDigit(code.charAt(at)); // 1.5
  }

  /** A backslash takes the next character along. */
  private void literal(String quotes, int limit) {
    int end = at + quotes.length();
    while (end < limit && !code.startsWith(quotes, end)) {
      end += code.charAt(end) == '\\' ? 2 : 1;
    }
    boolean closed = end < limit && code.startsWith(quotes, end);
    add(Kind.LITERAL, Math.min(closed ? end + quotes.length() : end, limit), closed);
  }

  /** As IJava has it, at a line's beginning or behind {@code =}; but not where Java goes on. */
  private boolean beginsMagic() {
    if (at + 1 == code.length() || !Character.isJavaIdentifierStart(code.charAt(at + 1))) {
      return false;
    }
    String before = code.substring(code.lastIndexOf('\n', at - 1) + 1, at);
    Piece last = null;
    for (Piece piece : pieces) {
      last = piece.kind == Kind.COMMENT ? last : piece;
    }
    if (last != null && last.is("=")) {
      return true;
    }
    boolean mayBegin =
        last == null || last.kind == Kind.MAGIC || last.is(";") || last.is("{") || last.is("}");
    return mayBegin && before.isBlank();
  }

  private int lineEnd() {
    int end = code.indexOf('\n', at);
    return end < 0 ? code.length() : end;
  }

  private void add(Kind kind, int end, boolean closed) {
    pieces.add(new Piece(kind, at, end, closed, code.substring(at, end)));
    at = end;
  }
}
