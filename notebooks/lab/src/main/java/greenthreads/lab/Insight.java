package greenthreads.lab;

import java.io.IOException;
import java.lang.ref.SoftReference;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a compiled library says of itself.
 *
 * @param debug its prototypes and layouts
 * @param functions its functions, by their offsets in the file
 */
record Insight(DebugInfo debug, Symbols functions) {
  /** By the library's checksum: most loads are of content that was loaded before. */
  private static final Map<String, SoftReference<Insight>> KNOWN = new ConcurrentHashMap<>();

  /**
   * @param entry whose product the library is
   * @param library the library's file
   * @param debug the file that holds its debug information
   */
  static Insight of(Cache.Entry entry, Path library, Path debug) throws IOException {
    SoftReference<Insight> known = KNOWN.get(entry.checksum());
    Insight insight = known == null ? null : known.get();
    if (insight == null) {
      insight = new Insight(DebugInfo.read(debug), Symbols.of(library));
      KNOWN.values().removeIf(each -> each.get() == null);
      KNOWN.put(entry.checksum(), new SoftReference<>(insight));
    }
    return insight;
  }
}
