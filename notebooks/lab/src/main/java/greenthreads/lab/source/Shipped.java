package greenthreads.lab.source;

import static java.nio.charset.StandardCharsets.UTF_8;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.LabException;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which native code is as it was shipped, and which cells of Java.
 *
 * <p>The list is part of the sources and not made by the build: it must not take a reader's edit
 * for what was shipped, whenever the lab is built. {@code ./build.sh ship} writes it anew.
 *
 * @param digests each followed by what it is of: a file's path under native/, {@code %%c NAME}, or
 *     {@code cell}
 */
public record Shipped(Set<String> digests) {
  private static final String LIST = "/greenthreads/lab/source/shipped.sha256";

  /**
   * Options that make the same code faster, slower or larger, or let it be watched by functions
   * that are in it, and do not make it other code.
   */
  private static final Pattern SAME_CODE =
      Pattern.compile("-O[0-3sg]?|-fno-[a-z-]+|-march=\\S+|-finstrument-functions");

  /** The list that came with the lab. */
  public static Shipped read() {
    try (InputStream in = Shipped.class.getResourceAsStream(LIST)) {
      if (in == null) {
        throw new IOException(LIST + " is not in its jar");
      }
      return new Shipped(new String(in.readAllBytes(), UTF_8).lines().collect(Collectors.toSet()));
    } catch (IOException e) {
      throw new LabException("The lab is incomplete: " + e.getMessage() + ". Run ./build.sh.", e);
    }
  }

  /** Whether a source, with all that it includes, is as it was shipped. */
  public boolean has(NativeSource source, List<String> options) {
    if (!options.stream().allMatch(option -> SAME_CODE.matcher(option).matches())) {
      return false;
    }
    String own = source.name() + ".c";
    boolean isCell = !source.files().isEmpty();
    return source.texts().entrySet().stream()
        .filter(file -> !(isCell && file.getKey().equals("merged-" + own)))
        .allMatch(file ->
            isCell && file.getKey().equals(own)
                ? has("%%c " + source.name(), file.getValue().strip())
                : has(file.getKey(), file.getValue()));
  }

  /** Whether a cell of Java stands so in a chapter. */
  public boolean hasCell(String text) {
    return has("cell", text.strip());
  }

  /** How its lines end makes no difference, since Git may change it. */
  private boolean has(String name, String text) {
    return digests.contains(Cache.digest(text.replace("\r\n", "\n").getBytes(UTF_8)) + "  " + name);
  }
}
