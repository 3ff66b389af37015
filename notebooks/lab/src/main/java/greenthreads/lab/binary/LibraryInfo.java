package greenthreads.lab.binary;

import greenthreads.lab.base.Cache;
import greenthreads.lab.compile.Compiler;
import java.io.IOException;
import java.lang.ref.SoftReference;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a compiled library says of itself.
 *
 * @param debug its prototypes and layouts
 * @param functions its functions, by their offsets in the file
 * @param leavesTraces whether unloading could pull code from under a thread or a handler that it
 *     installed
 */
public record LibraryInfo(DebugInfo debug, Symbols functions, boolean leavesTraces) {
  /** Functions whose callers may leave something behind that still runs our code later. */
  private static final List<String> LEAVES_TRACES =
      List.of(
          "pthread_create",
          "thrd_create",
          "sigaction",
          "signal",
          "__sysv_signal",
          "atexit",
          "timer_create");

  /** By the library's checksum: most loads are of content that was loaded before. */
  private static final Map<String, SoftReference<LibraryInfo>> KNOWN = new ConcurrentHashMap<>();

  /** Read once for each content, however often it is loaded. */
  public static LibraryInfo of(Compiler.Built built) throws IOException {
    Cache.Entry entry = built.entry();
    SoftReference<LibraryInfo> known = KNOWN.get(entry.checksum());
    LibraryInfo info = known == null ? null : known.get();
    if (info == null) {
      info =
          new LibraryInfo(
              DebugInfo.read(built.debug()),
              Symbols.of(built.library()),
              leavesTraces(entry.content()));
      KNOWN.values().removeIf(each -> each.get() == null);
      KNOWN.put(entry.checksum(), new SoftReference<>(info));
    }
    return info;
  }

  private static boolean leavesTraces(byte[] content) {
    String text = new String(content, StandardCharsets.ISO_8859_1);
    return LEAVES_TRACES.stream().anyMatch(name -> text.contains("\0" + name + "\0"));
  }
}
