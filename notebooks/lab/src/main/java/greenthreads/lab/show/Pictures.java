package greenthreads.lab.show;

import greenthreads.lab.base.LabException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What all pictures share: their style sheet, small pieces of HTML, columns of text. */
public final class Pictures {
  private static final ConcurrentHashMap<String, String> FILES = new ConcurrentHashMap<>();

  private Pictures() {}

  /** Where the focused element has this attribute, JupyterLab takes no key for a shortcut. */
  static final String OWN_KEYS = "data-lm-suppress-shortcuts=\"true\"";

  /** What can have the focus without a script: folds, and boxes that scroll. */
  private static final Pattern FOCUSABLE =
      Pattern.compile("<summary|<(?:div|pre) class=\"gt-(?:scroll|csv)");

  /**
   * Wraps a picture's body. The style sheet comes with each, since any of them may be alone. What
   * is typed into a picture is not for the notebook, which would delete a cell at {@code d d}.
   */
  public static String wrap(String body) {
    return "<style>%s</style><div class=\"gt\">%s</div>"
        .formatted(file("figures.css"), keepingKeys(body));
  }

  private static String keepingKeys(String body) {
    return FOCUSABLE
        .matcher(body)
        .replaceAll(found ->
            Matcher.quoteReplacement(found.group().replaceFirst(" |$", " " + OWN_KEYS + " ")));
  }

  /** A text file that lies beside the classes. */
  public static String file(String name) {
    return FILES.computeIfAbsent(
        name,
        key -> {
          try (InputStream in = Pictures.class.getResourceAsStream(key)) {
            if (in == null) {
              throw new LabException(
                  "The lab is incomplete: " + key + " is missing. Run ./build.sh.");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
          } catch (IOException e) {
            throw new LabException("The lab is incomplete: " + e.getMessage(), e);
          }
        });
  }

  /** An element with escaped text. */
  public static String element(String tag, String classes, String text) {
    return "<%s class=\"%s\">%s</%s>".formatted(tag, classes, Html.escape(text), tag);
  }

  public static String hex(long value) {
    return HexFormat.of().toHexDigits(value);
  }

  /** A value whose leading zeros are pale: all 16 digits stay, and the eye finds the rest. */
  public static String hexElement(long value) {
    String digits = hex(value);
    int zeros = Math.min(15, Long.numberOfLeadingZeros(value) / 4);
    return "<code class=\"gt-hex\"><span class=\"gt-pale\">"
        + digits.substring(0, zeros)
        + "</span>"
        + digits.substring(zeros)
        + "</code>";
  }

  /** A value's eight bytes as they lie in memory, the lowest address first. */
  public static String bytesInMemory(long value) {
    var bytes = new ArrayList<String>();
    for (int i = 0; i < 8; i++) {
      bytes.add(HexFormat.of().toHexDigits((byte) (value >>> 8 * i)));
    }
    return String.join(" ", bytes);
  }

  /** Lines whose columns stand under each other; a line of one cell runs on freely. */
  public static String columns(List<List<String>> lines) {
    int most = lines.stream().mapToInt(List::size).max().orElse(0);
    List<Integer> widths = new ArrayList<>(Collections.nCopies(most, 0));
    for (List<String> line : lines) {
      for (int i = 0; line.size() > 1 && i < line.size(); i++) {
        widths.set(i, Math.max(widths.get(i), line.get(i).length()));
      }
    }
    return lines.stream()
        .map(line -> {
          var text = new StringBuilder();
          for (int i = 0; i < line.size(); i++) {
            text.append(line.get(i));
            if (i + 1 < line.size()) {
              text.append(" ".repeat(widths.get(i) - line.get(i).length() + 2));
            }
          }
          return text.toString().stripTrailing();
        })
        .collect(Collectors.joining("\n"));
  }

  /** {@code 1 byte}, {@code 4,096 bytes}. */
  public static String count(long number, String what) {
    return number == 1
        ? "1 " + what
        : String.format(java.util.Locale.ROOT, "%,d %ss", number, what);
  }
}
