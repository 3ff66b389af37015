package greenthreads.lab.source;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Words;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One C file ready to be compiled, with everything of ours that it includes.
 *
 * @param name what the reader calls it: a chapter's file without {@code .c}, or a cell's name
 * @param folder where {@code #include "…"} starts from: the project's {@code native/}
 * @param files the files to lay out for the compiler, first the one to compile; empty if the file
 *     is compiled where it stands
 * @param included every file of ours that the compiler will read, by name, with its content
 */
public record NativeSource(
    String name, Path folder, Map<String, byte[]> files, Map<String, byte[]> included) {
  private static final Pattern INCLUDE =
      Pattern.compile("^[ \\t]*#[ \\t]*include[ \\t]*\"([^\"\\n]+)\"", Pattern.MULTILINE);

  /**
   * A file under native/.
   *
   * @throws LabException if it is not there, naming those that are
   */
  public static NativeSource ofFile(Path folder, String name) {
    String stem = name.endsWith(".c") ? name.substring(0, name.length() - 2) : name;
    Path file = folder.resolve(stem + ".c").normalize();
    if (!file.startsWith(folder) || !Files.isRegularFile(file)) {
      throw new LabException(
          "There is no file native/"
              + stem
              + ".c.\nThe files there: "
              + String.join(", ", stems(folder))
              + ".");
    }
    byte[] content = read(file);
    var included = new TreeMap<String, byte[]>();
    included.put(stem + ".c", content);
    collect(folder, file.getParent(), content, included);
    return new NativeSource(stem, folder, Map.of(), included);
  }

  /**
   * A file made of the reader's cell.
   *
   * @param files name to text, first the unit to compile; the others are there for diagnostics
   */
  public static NativeSource ofCell(Path folder, String name, LinkedHashMap<String, String> files) {
    var bytes = new LinkedHashMap<String, byte[]>();
    files.forEach((file, text) -> bytes.put(file, text.getBytes(StandardCharsets.UTF_8)));
    var included = new TreeMap<String, byte[]>(bytes);
    collect(folder, folder, bytes.firstEntry().getValue(), included);
    return new NativeSource(name, folder, bytes, included);
  }

  /** The file to compile, relative to the folder the compiler runs in. */
  public String unit() {
    return files.isEmpty() ? name + ".c" : files.keySet().iterator().next();
  }

  /** Every file of ours that the compiler will read, as text, the one to compile first. */
  public Map<String, String> texts() {
    var texts = new LinkedHashMap<String, String>();
    texts.put(unit(), "");
    included.forEach(
        (file, content) -> texts.put(file, new String(content, StandardCharsets.UTF_8)));
    return texts;
  }

  /** What the reader reads in messages: {@code 03-a-single-stack-swap.c} or {@code cell mine}. */
  public String title() {
    return files.isEmpty() ? name + ".c" : "cell " + name;
  }

  /** Whether the files that went into it are still as they were when it was made. */
  public boolean isCurrent() {
    String own = name + ".c";
    return included.entrySet().stream()
        .filter(file -> !file.getKey().equals(own) && !file.getKey().equals("merged-" + own))
        .allMatch(file -> {
          Path there = folder.resolve(file.getKey());
          return Files.isRegularFile(there) && Arrays.equals(read(there), file.getValue());
        });
  }

  /** A digest of all that decides what the compiler makes of this source. */
  public String key(List<String> more) {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      included.forEach((file, content) -> {
        field(digest, file.getBytes(StandardCharsets.UTF_8));
        field(digest, content);
      });
      more.forEach(word -> field(digest, word.getBytes(StandardCharsets.UTF_8)));
      return HexFormat.of().formatHex(digest.digest(), 0, 10);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  private static void field(MessageDigest digest, byte[] content) {
    digest.update((content.length + ":").getBytes(StandardCharsets.US_ASCII));
    digest.update(content);
  }

  /** The stems of the C files in a folder, sorted. */
  public static List<String> stems(Path folder) {
    try (var list = Files.list(folder)) {
      return list.map(file -> file.getFileName().toString())
          .filter(file -> file.endsWith(".c"))
          .map(file -> file.substring(0, file.length() - 2))
          .sorted()
          .toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  /**
   * Follows {@code #include "…"} the way the compiler does; what it cannot find is its to report.
   */
  private static void collect(
      Path root, Path folder, byte[] content, Map<String, byte[]> included) {
    Matcher include = INCLUDE.matcher(new String(content, StandardCharsets.ISO_8859_1));
    while (include.find()) {
      for (Path start : List.of(folder, root)) {
        Path file = start.resolve(include.group(1)).normalize();
        if (!Files.isRegularFile(file)) {
          continue;
        }
        String key = file.startsWith(root) ? root.relativize(file).toString() : file.toString();
        if (!included.containsKey(key)) {
          byte[] text = read(file);
          included.put(key, text);
          collect(root, file.getParent(), text, included);
        }
        break;
      }
    }
  }

  /** A file's text; its lines end in one way, whatever a clone has made of them. */
  static String text(Path file) {
    return new String(read(file), StandardCharsets.UTF_8).replace("\r\n", "\n");
  }

  private static byte[] read(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new LabException(
          "native/" + file.getFileName() + " cannot be read: " + Words.reason(e), e);
    }
  }
}
