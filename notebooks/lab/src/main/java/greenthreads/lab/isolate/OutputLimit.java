package greenthreads.lab.isolate;

import greenthreads.lab.base.Utf8;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * Turns the bytes of an isolated run into text, within bounds.
 *
 * <p>The first part is passed on as it comes. What comes past the limits is counted; its last part
 * is kept, and {@link #finish()} shows it below a line that says how much was left out. Bytes that
 * are not UTF-8 become U+FFFD and are counted as well.
 *
 * <p>Not thread-safe: it belongs to the thread that makes the call.
 */
public final class OutputLimit implements OutputSink {
  static final long MAX_BYTES = 256 * 1024;
  static final long MAX_LINES = 2_000;
  private static final int TAIL_BYTES = 16 * 1024;
  private static final int TAIL_LINES = 100;

  private final Channel out;
  private final Channel err;
  private final long maxBytes;
  private final long maxLines;

  private long shownBytes;
  private long shownLines;
  private long heldBytes;
  private long heldLines;

  /** The last bytes past the limits, of both streams: a ring. */
  private final byte[] tail = new byte[TAIL_BYTES];

  public OutputLimit(Consumer<String> out, Consumer<String> err) {
    this(out, err, MAX_BYTES, MAX_LINES);
  }

  OutputLimit(Consumer<String> out, Consumer<String> err, long maxBytes, long maxLines) {
    this.out = new Channel(out);
    this.err = new Channel(err);
    this.maxBytes = maxBytes;
    this.maxLines = maxLines;
  }

  @Override
  public void out(byte[] bytes) {
    take(out, bytes);
  }

  @Override
  public void err(byte[] bytes) {
    take(err, bytes);
  }

  private void take(Channel channel, byte[] bytes) {
    int fits = heldBytes > 0 ? 0 : fitting(bytes);
    if (fits > 0) {
      channel.show(bytes, fits);
    }
    for (int i = fits; i < bytes.length; i++) {
      tail[(int) (heldBytes++ % TAIL_BYTES)] = bytes[i];
      if (bytes[i] == '\n') {
        heldLines++;
      }
    }
  }

  /** How many bytes may still be shown; counts them as shown. */
  private int fitting(byte[] bytes) {
    for (int i = 0; i < bytes.length; i++) {
      if (shownBytes == maxBytes || shownLines == maxLines) {
        return i;
      }
      shownBytes++;
      if (bytes[i] == '\n') {
        shownLines++;
      }
    }
    return bytes.length;
  }

  /** The run is over: shows what was held back, and says what is missing or was replaced. */
  public void finish() {
    out.end();
    err.end();
    if (heldBytes > 0) {
      byte[] last = lastPart();
      long cutBytes = heldBytes - last.length;
      if (cutBytes > 0) {
        long cutLines = heldLines - newlines(last);
        err.text(
            "\n… %,d %s (%s) not shown …\n"
                .formatted(cutLines, cutLines == 1 ? "line" : "lines", size(cutBytes)));
      }
      out.show(last, last.length);
      out.end();
    }
    long notUtf8 = out.utf8.malformed() + err.utf8.malformed();
    if (notUtf8 > 0) {
      err.text(
          "\n(%,d %s not UTF-8 text; shown as \ufffd.)\n"
              .formatted(
                  notUtf8, notUtf8 == 1 ? "piece of the output was" : "pieces of the output were"));
    }
  }

  /** The end of what was held back: whole lines where there are any. */
  private byte[] lastPart() {
    int length = (int) Math.min(heldBytes, TAIL_BYTES);
    byte[] all = new byte[length];
    for (int i = 0; i < length; i++) {
      all[i] = tail[(int) ((heldBytes - length + i) % TAIL_BYTES)];
    }
    int start = 0;
    int lines = 0;
    for (int i = length - 2; i >= 0 && start == 0; i--) {
      if (all[i] == '\n' && ++lines == TAIL_LINES) {
        start = i + 1;
      }
    }
    for (int i = 0; start == 0 && heldBytes > length && i < length - 1; i++) {
      if (all[i] == '\n') {
        start = i + 1; // the ring begins amid a line
      }
    }
    return java.util.Arrays.copyOfRange(all, start, length);
  }

  private static long newlines(byte[] bytes) {
    long lines = 0;
    for (byte b : bytes) {
      lines += b == '\n' ? 1 : 0;
    }
    return lines;
  }

  /** A size for people: {@code 512 bytes}, {@code 8.9 MB}. */
  private static String size(long bytes) {
    if (bytes < 1_000) {
      return bytes + (bytes == 1 ? " byte" : " bytes");
    }
    return bytes < 1_000_000
        ? String.format(Locale.ROOT, "%.1f kB", bytes / 1e3)
        : String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
  }

  /** One of the two streams. */
  private record Channel(Consumer<String> sink, Utf8 utf8) {
    Channel(Consumer<String> sink) {
      this(sink, new Utf8());
    }

    void text(String text) {
      if (!text.isEmpty()) {
        sink.accept(text);
      }
    }

    void show(byte[] bytes, int length) {
      text(utf8.decode(bytes, 0, length));
    }

    void end() {
      text(utf8.end());
    }
  }
}
