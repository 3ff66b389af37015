package greenthreads.lab.base;

import java.util.Map;

/** Writes JSON that can stand inside a script element. */
public final class Json {
  private Json() {}

  /** Maps, iterables, strings, numbers, booleans and null; anything else as its text. */
  public static String of(Object value) {
    var out = new StringBuilder();
    write(out, value);
    return out.toString();
  }

  private static void write(StringBuilder out, Object value) {
    switch (value) {
      case null -> out.append("null");
      case Boolean bool -> out.append(bool);
      case Double number -> out.append(Double.isFinite(number) ? number.toString() : "null");
      case Number number -> out.append(number);
      case Map<?, ?> map -> {
        String before = "{";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          out.append(before);
          string(out, entry.getKey().toString());
          out.append(':');
          write(out, entry.getValue());
          before = ",";
        }
        out.append(map.isEmpty() ? "{}" : "}");
      }
      case Iterable<?> all -> {
        out.append('[');
        int start = out.length();
        for (Object element : all) {
          if (out.length() > start) {
            out.append(',');
          }
          write(out, element);
        }
        out.append(']');
      }
      default -> string(out, value.toString());
    }
  }

  /** No {@code <}, so that no text can end the script element or begin a comment in it. */
  private static void string(StringBuilder out, String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        default -> {
          boolean plain = c >= ' ' && c != '<' && c != '>' && c != '&' && c != 0x7f;
          boolean separator = c == '\u2028' || c == '\u2029' || Character.isSurrogate(c);
          if (plain && !separator) {
            out.append(c);
          } else {
            out.append("\\u%04x".formatted((int) c));
          }
        }
      }
    }
    out.append('"');
  }
}
