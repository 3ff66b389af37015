import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/**
 * Chapter 12's HTTP server with virtual threads, for servers.py.
 *
 * <p>As much as the loop by hand does, and no more: it reads a head, looks at each of its fields,
 * and sends the same bytes. A virtual thread for each connection. It prints its port; for each line
 * that it is sent, the processor time that its process has had; and it ends when its input does.
 */
class Server {
  private static final int MOST_HEAD = 8192;
  private static final byte[] HELLO = bytes("hello, world\n");
  private static final byte[] CLOSE = bytes("Connection: close\r\n");

  public static void main(String[] words) throws Throwable {
    var listener = new ServerSocket(0, 4096, InetAddress.getLoopbackAddress());
    System.out.println("port " + listener.getLocalPort());
    Thread.startVirtualThread(() -> acceptAll(listener));
    var lines = new BufferedReader(new InputStreamReader(System.in));
    while (lines.readLine() != null) {
      System.out.println(used());
    }
    System.exit(0);
  }

  private static void acceptAll(ServerSocket listener) {
    try {
      while (true) {
        Socket client = listener.accept();
        Thread.startVirtualThread(new Connection(client)::serve);
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  /** What getrusage says of this process: Java's own account is in hundredths of a second. */
  private static String used() throws Throwable {
    Linker linker = Linker.nativeLinker();
    MethodHandle getrusage =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("getrusage"),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment usage = arena.allocate(256, 8);
      int status = (int) getrusage.invokeExact(0, usage);
      if (status != 0) {
        throw new IllegalStateException("getrusage returned " + status);
      }
      return "used " + microseconds(usage, 0) + " " + microseconds(usage, 16);
    }
  }

  /** A struct timeval: seconds in a long; microseconds, for which an int is enough. */
  private static long microseconds(MemorySegment usage, long at) {
    return usage.get(ValueLayout.JAVA_LONG, at) * 1_000_000
        + usage.get(ValueLayout.JAVA_INT, at + 8);
  }

  /** What goes before an answer's length, with the time in it: written once in a second. */
  private record Dated(long second, byte[] found, byte[] missing, byte[] bad) {
    private static final DateTimeFormatter HTTP =
        DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ENGLISH);
    private static volatile Dated latest = at(0);

    static Dated now() {
      long second = System.currentTimeMillis() / 1000;
      Dated known = latest;
      return known.second == second ? known : (latest = at(second));
    }

    private static Dated at(long second) {
      String date = HTTP.format(Instant.ofEpochSecond(second).atOffset(ZoneOffset.UTC));
      return new Dated(
          second,
          head("200 OK", date),
          head("404 Not Found", date),
          head("400 Bad Request", date));
    }

    private static byte[] head(String status, String date) {
      return bytes(
          "HTTP/1.1 "
              + status
              + "\r\nDate: "
              + date
              + "\r\nContent-Type: text/plain\r\nContent-Length: ");
    }
  }

  private static final class Connection {
    private final Socket client;
    private final byte[] buffer = new byte[MOST_HEAD];
    private final byte[] answer = new byte[512];
    private int begin;
    private int end;
    private boolean keeps;

    Connection(Socket client) {
      this.client = client;
    }

    void serve() {
      try (client) {
        client.setTcpNoDelay(true); // as Go does
        InputStream in = client.getInputStream();
        OutputStream out = client.getOutputStream();
        keeps = true;
        while (keeps) {
          int headEnd = findHead();
          if (headEnd < 0) {
            if (!readMore(in)) {
              return;
            }
            continue;
          }
          int status = judge(headEnd);
          begin = headEnd;
          out.write(answer, 0, write(status));
        }
      } catch (IOException gone) {
        // the client has gone
      }
    }

    private boolean readMore(InputStream in) throws IOException {
      if (begin > 0) {
        System.arraycopy(buffer, begin, buffer, 0, end - begin);
        end -= begin;
        begin = 0;
      }
      int got = end == MOST_HEAD ? -1 : in.read(buffer, end, MOST_HEAD - end);
      end += Math.max(got, 0);
      return got > 0;
    }

    /** Where the first head ends; -1: it is not whole yet. */
    private int findHead() {
      for (int at = begin; at + 4 <= end; at++) {
        if (buffer[at] == '\r'
            && buffer[at + 1] == '\n'
            && buffer[at + 2] == '\r'
            && buffer[at + 3] == '\n') {
          return at + 4;
        }
      }
      return -1;
    }

    private int lineEnd(int from) {
      while (buffer[from] != '\r' || buffer[from + 1] != '\n') {
        from++;
      }
      return from;
    }

    /** The status that a head is answered with. */
    private int judge(int headEnd) {
      int line = lineEnd(begin);
      boolean isRoot = is(begin, line, "GET / HTTP/1.1", false);
      if (!isRoot && !is(begin, Math.min(line, begin + 4), "GET ", false)) {
        return bad();
      }
      int hosts = 0;
      for (int at = line + 2; at < headEnd - 2; ) {
        int ends = lineEnd(at);
        int colon = at;
        while (colon < ends && buffer[colon] != ':') {
          if (!isOfToken(buffer[colon++])) {
            return bad();
          }
        }
        if (colon == at || colon == ends || !isText(colon + 1, ends)) {
          return bad();
        }
        if (is(at, colon, "host", true)) {
          hosts++;
        } else if (is(at, colon, "connection", true)) {
          keeps &= !is(skipSpaces(colon + 1), ends, "close", true);
        } else if (is(at, colon, "content-length", true)
            || is(at, colon, "transfer-encoding", true)) {
          return bad();
        }
        at = ends + 2;
      }
      return hosts != 1 ? bad() : isRoot ? 200 : 404;
    }

    private int bad() {
      keeps = false;
      return 400;
    }

    private int skipSpaces(int at) {
      while (buffer[at] == ' ' || buffer[at] == '\t') {
        at++;
      }
      return at;
    }

    private static boolean isOfToken(byte c) {
      return c > ' ' && c <= '~' && "\"(),/:;<=>?@[\\]{}".indexOf(c) < 0;
    }

    private boolean isText(int from, int to) {
      for (int at = from; at < to; at++) {
        if (buffer[at] == 0x7f || (buffer[at] >= 0 && buffer[at] < ' ' && buffer[at] != '\t')) {
          return false;
        }
      }
      return true;
    }

    /** Whether these bytes are the word; or, of names, the word in capitals or not. */
    private boolean is(int from, int to, String word, boolean name) {
      if (to - from != word.length()) {
        return false;
      }
      for (int i = 0; i < word.length(); i++) {
        int c = buffer[from + i];
        if (c != word.charAt(i) && !(name && c >= 'A' && c <= 'Z' && c + 32 == word.charAt(i))) {
          return false;
        }
      }
      return true;
    }

    private int write(int status) {
      Dated dated = Dated.now();
      byte[] body =
          status == 200 ? HELLO : status == 404 ? bytes("Not Found") : bytes("Bad Request");
      int size =
          add(0, status == 200 ? dated.found : status == 404 ? dated.missing : dated.bad);
      if (body.length >= 10) {
        answer[size++] = (byte) ('0' + body.length / 10);
      }
      answer[size++] = (byte) ('0' + body.length % 10);
      answer[size++] = '\r';
      answer[size++] = '\n';
      size = keeps ? size : add(size, CLOSE);
      answer[size++] = '\r';
      answer[size++] = '\n';
      return add(size, body);
    }

    private int add(int size, byte[] more) {
      System.arraycopy(more, 0, answer, size, more.length);
      return size + more.length;
    }
  }

  private Server() {}
}
