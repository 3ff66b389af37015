package greenthreads.lab.kernel;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import greenthreads.lab.show.Html;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The Javadoc of the lab's classes, which the build keeps beside them, and what a comment of
 * Javadoc looks like to a reader.
 */
final class Javadoc {
  private static final Pattern BLOCK_TAG = Pattern.compile("(?m)^\\s*@(?=[a-z])");
  private static final Pattern PARAGRAPH =
      Pattern.compile("\\s*<(p|/p|br|/?ul|/?ol|/?dl|/?pre)\\s*/?>\\s*");
  private static final Pattern TAG = Pattern.compile("<[^>]*>");

  private Javadoc() {}

  /** The comment of a class. */
  static Optional<String> of(Class<?> type) {
    return read(type).map(json -> json.get("doc").getAsString()).filter(doc -> !doc.isBlank());
  }

  /**
   * The comment of a method.
   *
   * @param parameters the simple names of its parameters' types, as the source has them
   */
  static Optional<String> of(Class<?> type, String method, java.util.List<String> parameters) {
    return read(type)
        .flatMap(json -> {
          for (JsonElement element : json.getAsJsonArray("methods")) {
            JsonObject one = element.getAsJsonObject();
            if (one.get("name").getAsString().equals(method)
                && simple(one.getAsJsonArray("paramTypes")).equals(parameters)) {
              return Optional.of(one.get("doc").getAsString());
            }
          }
          return Optional.empty();
        });
  }

  private static java.util.List<String> simple(Iterable<JsonElement> types) {
    var names = new java.util.ArrayList<String>();
    for (JsonElement type : types) {
      names.add(simple(type.getAsString()));
    }
    return names;
  }

  /**
   * A type's name without its package and its type arguments: {@code java.util.List<T>} is {@code
   * List}.
   */
  static String simple(String type) {
    String erased = type.replaceAll("<.*>", "").replace("...", "[]").strip();
    return erased.substring(Math.max(erased.lastIndexOf('.'), erased.lastIndexOf('$')) + 1);
  }

  private static Optional<JsonObject> read(Class<?> type) {
    String file = type.getName().substring(type.getPackageName().length() + 1) + "__Javadoc.json";
    try (InputStream in = type.getResourceAsStream(file)) {
      return in == null
          ? Optional.empty()
          : Optional.of(
              new JsonParser()
                  .parse(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                  .getAsJsonObject());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** A comment as HTML. */
  static String html(String comment) {
    Matcher tag = BLOCK_TAG.matcher(comment);
    boolean has = tag.find();
    var html = new StringBuilder(inline(has ? comment.substring(0, tag.start()) : comment).strip());
    if (has) {
      html.append("<ul>");
      for (String block : BLOCK_TAG.split(comment.substring(tag.end()))) {
        html.append("<li>").append(block(block.strip())).append("</li>");
      }
      html.append("</ul>");
    }
    return html.toString();
  }

  private static String block(String text) {
    String[] words = text.split("\\s+", 2);
    String rest = words.length == 2 ? words[1] : "";
    return switch (words[0]) {
      case "param" -> named(rest);
      case "throws", "exception" -> "throws " + named(rest);
      case "return" -> "returns " + inline(rest);
      default -> words[0] + ": " + inline(rest);
    };
  }

  private static String named(String text) {
    String[] words = text.split("\\s+", 2);
    return "<code>%s</code>: %s"
        .formatted(Html.escape(words[0]), inline(words.length == 2 ? words[1] : ""));
  }

  /** Turns what stands in braces with an @ into HTML; braces nest. */
  private static String inline(String text) {
    var html = new StringBuilder();
    int at = 0;
    while (at < text.length()) {
      int begin = text.indexOf("{@", at);
      int end = begin < 0 ? -1 : closing(text, begin);
      if (end < 0) {
        return html.append(text, at, text.length()).toString();
      }
      html.append(text, at, begin).append(inlineTag(text.substring(begin + 2, end)));
      at = end + 1;
    }
    return html.toString();
  }

  private static int closing(String text, int begin) {
    int depth = 0;
    for (int i = begin; i < text.length(); i++) {
      depth += text.charAt(i) == '{' ? 1 : text.charAt(i) == '}' ? -1 : 0;
      if (depth == 0) {
        return i;
      }
    }
    return -1;
  }

  private static String inlineTag(String tag) {
    String[] words = tag.split("\\s+", 2);
    String rest = words.length == 2 ? words[1] : "";
    return switch (words[0]) {
      case "link", "linkplain" -> {
        String[] label = rest.strip().split("(?<![,(])\\s+(?![^(]*\\))", 2);
        yield "<code>"
            + Html.escape(
                label.length == 2 ? label[1] : label[0].replaceFirst("^#", "").replace('#', '.'))
            + "</code>";
      }
      case "literal", "return", "summary" -> Html.escape(rest);
      case "snippet" -> "<pre>" + Html.escape(rest.substring(rest.indexOf(':') + 1)) + "</pre>";
      default -> "<code>" + Html.escape(rest.strip()) + "</code>";
    };
  }

  /** HTML as plain text. */
  static String text(String html) {
    String text = html.replaceAll("(?<!\n)\n(?!\n)[ \t]*", " ");
    text = text.replaceAll("\\s*<li>\\s*", "\n- ");
    text = PARAGRAPH.matcher(text).replaceAll("\n\n");
    text = TAG.matcher(text).replaceAll("");
    return text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", " ")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
        .replaceAll("\n{3,}", "\n\n")
        .strip();
  }
}
