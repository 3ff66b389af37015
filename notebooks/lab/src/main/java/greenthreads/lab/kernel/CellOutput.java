package greenthreads.lab.kernel;

import greenthreads.lab.base.Utf8;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * What a cell prints, gathered into few messages and kept within bounds.
 *
 * <p>Jupyter's server drops messages past a thousand a second, and a browser stalls over megabytes
 * of text. So text is gathered for some milliseconds before it is sent; and a cell that prints too
 * much has its first part shown as it comes, its last part shown at its end, and a line between
 * that says how much was left out.
 *
 * <p>Java's {@code System.out} and native code meet here, in the order in which they arrive.
 */
final class CellOutput {
  /** Where finished text goes: two streams of the front end. */
  record Sink(Consumer<String> out, Consumer<String> err) {}

  private enum Kind {
    OUT,
    ERR
  }

  static final int HEAD_LIMIT = 256 * 1024;
  static final int TAIL_LIMIT = 32 * 1024;
  private static final int PIECE = 8 * 1024;
  private static final long PAUSE_MILLIS = 25;

  private final Sink sink;
  private final PrintStream out = stream(Kind.OUT);
  private final PrintStream err = stream(Kind.ERR);
  private final StringBuilder pending = new StringBuilder();
  private final ArrayDeque<String> tail = new ArrayDeque<>();
  private Kind kind = Kind.OUT;
  private boolean open;
  private long shown;
  private long tailLength;
  private long cutCharacters;
  private long cutLines;

  CellOutput(Sink sink) {
    this.sink = sink;
    Thread.ofPlatform().daemon().name("cell-output").start(this::sendNowAndThen);
  }

  /** A cell begins: its output is counted from zero. */
  synchronized void begin() {
    shown = 0;
    open = true;
    send();
  }

  /** A cell ends: everything it printed is sent before this returns. */
  synchronized void end() {
    send();
    if (cutCharacters > 0) {
      sink.err().accept(cutMessage());
    }
    if (!tail.isEmpty()) {
      sink.out().accept(String.join("", tail));
    }
    tail.clear();
    tailLength = 0;
    cutCharacters = 0;
    cutLines = 0;
    open = false;
  }

  private String cutMessage() {
    return String.format(
        Locale.ROOT,
        "%n… %,d characters in %,d lines are not shown: the cell printed more than a page can hold."
            + " The last %,d characters follow. …%n",
        cutCharacters,
        cutLines,
        tailLength);
  }

  /** Sends what is gathered, so that something else can be shown after it. */
  synchronized void flush() {
    send();
  }

  PrintStream out() {
    return out;
  }

  PrintStream err() {
    return err;
  }

  void nativeOut(String text) {
    add(Kind.OUT, text);
  }

  void nativeErr(String text) {
    add(Kind.ERR, text);
  }

  /** In pieces: of a large one the first part is to be shown, and its last. */
  private synchronized void add(Kind to, String text) {
    for (int from = 0; from < text.length(); ) {
      int end = Math.min(text.length(), from + PIECE);
      if (end < text.length() && Character.isHighSurrogate(text.charAt(end - 1))) {
        end--; // the other half belongs to it
      }
      addPiece(to, text.substring(from, end));
      from = end;
    }
  }

  private void addPiece(Kind to, String text) {
    // Once something is held back, all that follows is: a short piece must not overtake it.
    if (open && (!tail.isEmpty() || shown + text.length() > HEAD_LIMIT)) {
      keepTail(text);
      return;
    }
    shown += text.length();
    if (to != kind) {
      send();
      kind = to;
    }
    pending.append(text);
    // While no cell runs there is nobody to send it to: it waits for the next one, within bounds.
    if (!open && pending.length() > TAIL_LIMIT) {
      pending.delete(0, pending.length() - TAIL_LIMIT);
    }
    notifyAll();
  }

  private void keepTail(String text) {
    tail.add(text);
    tailLength += text.length();
    while (tailLength - tail.getFirst().length() >= TAIL_LIMIT) {
      String dropped = tail.removeFirst();
      tailLength -= dropped.length();
      cutCharacters += dropped.length();
      cutLines += dropped.chars().filter(c -> c == '\n').count();
    }
  }

  private void send() {
    if (open && !pending.isEmpty()) {
      (kind == Kind.OUT ? sink.out() : sink.err()).accept(pending.toString());
      pending.setLength(0);
    }
  }

  private void sendNowAndThen() {
    try {
      while (true) {
        synchronized (this) {
          while (!open || pending.isEmpty()) {
            wait();
          }
        }
        Thread.sleep(PAUSE_MILLIS);
        flush();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private PrintStream stream(Kind to) {
    return new PrintStream(new Decoding(to), true, StandardCharsets.UTF_8);
  }

  /** Bytes of a Java stream back to text. */
  private final class Decoding extends OutputStream {
    private final Kind to;
    private final Utf8 utf8 = new Utf8();

    Decoding(Kind to) {
      this.to = to;
    }

    @Override
    public void write(int b) {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public synchronized void write(byte[] bytes, int offset, int length) {
      add(to, utf8.decode(bytes, offset, length));
    }
  }
}
