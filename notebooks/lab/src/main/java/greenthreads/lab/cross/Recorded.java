package greenthreads.lab.cross;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Words;
import greenthreads.lab.source.NativeSource;
import greenthreads.lab.source.PlainListing;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Results of other machines, recorded where all tools were, for readers who have none.
 *
 * <p>They stand in a text file, {@code recorded.txt}. Each belongs to a source: once that has been
 * changed, there is no result of it. The tests make all of them anew and compare.
 */
final class Recorded {
  /** Where results are to be written down: set by {@code ./build.sh record} and by the tests. */
  private static final String TO = System.getenv("GREEN_THREADS_RECORD");

  /**
   * One result.
   *
   * @param source the digest of what was compiled: see {@link #digest}
   * @param on the day
   * @param by the tools, with their versions
   * @param exit how the program ended; 0 for a listing
   * @param body what was printed
   */
  record Result(String source, String on, String by, int exit, String body) {
    /** When and with what it was made. */
    String words() {
      return "on " + on + ": " + by;
    }
  }

  private static final Map<String, Result> ALL = read();

  private Recorded() {}

  /**
   * What names a result: {@code [run] AArch64, Linux: 07-the-runtime-in-200-lines -O0}.
   *
   * @param kind {@code run} or {@code assembly}
   * @param words what was asked for besides; {@code -O2} is what there is anyway
   */
  static String key(String kind, String machine, String name, List<String> words) {
    var all = new ArrayList<>(List.of(name));
    words.stream().filter(word -> !word.equals("-O2")).forEach(all::add);
    return "[%s] %s: %s".formatted(kind, machine, String.join(" ", all));
  }

  /** The result of this name, of whatever source. */
  static Optional<Result> find(String key) {
    return Optional.ofNullable(ALL.get(key));
  }

  /** Whether results are being written down just now. */
  static boolean isRecording() {
    return TO != null && !TO.isBlank();
  }

  /**
   * A digest of all that a machine's compiler is given, comments and white space apart.
   *
   * @param folder the machine's own folder of {@code native/}; those of other machines do not count
   */
  static String digest(NativeSource source, String folder) {
    var code = new ArrayList<String>();
    source
        .included()
        .forEach((file, content) -> {
          boolean ofAMachine = file.matches("arch/.*/.*");
          if (!ofAMachine || file.startsWith(folder + "/")) {
            code.add(file);
            PlainListing.lines(new String(content, StandardCharsets.UTF_8)).stream()
                .map(line -> line.strip().replaceAll("\\s+", " "))
                .filter(line -> !line.isEmpty() && !line.startsWith("#line "))
                .forEach(code::add);
          }
        });
    return new NativeSource(source.name(), source.folder(), Map.of(), Map.of()).key(code);
  }

  /** Writes a result down. */
  static void write(String key, Result result) {
    var text = new StringBuilder();
    text.append(key).append('\n');
    text.append("source ").append(result.source()).append('\n');
    text.append("on ").append(result.on()).append('\n');
    text.append("by ").append(result.by()).append('\n');
    text.append("exit ").append(result.exit()).append('\n');
    result.body().lines().forEach(line -> text.append('|').append(line).append('\n'));
    text.append('\n');
    try {
      Files.writeString(Path.of(TO), text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new LabException(TO + " cannot be written: " + Words.reason(e), e);
    }
  }

  private static Map<String, Result> read() {
    try (InputStream in = Recorded.class.getResourceAsStream("recorded.txt")) {
      return in == null
          ? Map.of()
          : parse(new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Reads what {@link #write} wrote; lines before the first result are for people. */
  static Map<String, Result> parse(List<String> lines) {
    var all = new HashMap<String, Result>();
    for (int at = 0; at < lines.size(); ) {
      String key = lines.get(at++);
      if (!key.startsWith("[")) {
        continue;
      }
      String source = after("source ", lines.get(at++));
      String on = after("on ", lines.get(at++));
      String by = after("by ", lines.get(at++));
      int exit = Integer.parseInt(after("exit ", lines.get(at++)));
      var body = new StringBuilder();
      while (at < lines.size() && lines.get(at).startsWith("|")) {
        body.append(lines.get(at++).substring(1)).append('\n');
      }
      all.put(key, new Result(source, on, by, exit, body.toString()));
    }
    return all;
  }

  private static String after(String word, String line) {
    if (!line.startsWith(word)) {
      throw new IllegalStateException("recorded.txt: `" + word + "` expected, found: " + line);
    }
    return line.substring(word.length());
  }
}
