package greenthreads.lab.inspect;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.management.HotSpotDiagnosticMXBean;
import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Scratch;
import greenthreads.lab.base.Words;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Picture;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A dump of this JVM's threads, virtual ones included: the JDK's own, as {@code jcmd} writes it
 * with {@code Thread.dump_to_file -format=json}.
 *
 * <pre>{@code ThreadDump.now().of("reader", "ForkJoinPool-1-worker").show()}</pre>
 */
public final class ThreadDump implements Picture {
  /**
   * A thread of the dump.
   *
   * @param id its number, as {@link java.lang.Thread#threadId()} has it
   * @param name its name; may be empty
   * @param virtual whether it is a virtual one
   * @param state as {@link java.lang.Thread.State} has it
   * @param carrier the number of the thread that carries it; 0 if it is not mounted
   * @param stack its frames as text, the innermost first
   */
  public record Seen(
      long id, String name, boolean virtual, String state, long carrier, List<String> stack) {
    /** Whether it stands on an OS thread at this moment: a virtual thread that is mounted. */
    public boolean mounted() {
      return carrier != 0;
    }

    /** What it was called for: the innermost frame that is not part of how the JDK waits. */
    public String stands() {
      return stack.stream()
          .map(ThreadDump::plain)
          .filter(frame -> !frame.matches(WAITING))
          .findFirst()
          .orElse(stack.isEmpty() ? "in no Java frame" : plain(stack.getFirst()));
    }
  }

  private static final String WAITING =
      "(jdk\\.internal\\.misc\\.Unsafe|java\\.lang\\.VirtualThread|java\\.lang\\.System\\$\\d+"
          + "|java\\.lang\\.Access|java\\.util\\.concurrent\\.locks\\.LockSupport"
          + "|java\\.lang\\.Thread|sun\\.nio\\.ch\\.NioSocketImpl)\\..*|sun\\.nio\\.ch\\.Poller\\.poll";

  private final List<Seen> threads;
  private final List<Seen> all;

  private ThreadDump(List<Seen> threads, List<Seen> all) {
    this.threads = threads;
    this.all = all;
  }

  /**
   * All threads as they are now. Each is looked at for itself, one after another.
   *
   * @throws LabException if this JDK cannot say
   */
  public static ThreadDump now() {
    var bean = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    if (bean == null) {
      throw new LabException("This JDK writes no dump of its threads: it is no HotSpot.");
    }
    try {
      Path folder = Scratch.folder("dump");
      Path file = folder.resolve("threads.json").toAbsolutePath();
      try {
        bean.dumpThreads(file.toString(), HotSpotDiagnosticMXBean.ThreadDumpFormat.JSON);
        return parsed(Files.readString(file));
      } finally {
        Files.deleteIfExists(file);
        Files.delete(folder);
      }
    } catch (IOException e) {
      throw new LabException("The dump could not be written: " + Words.reason(e), e);
    }
  }

  /** From the text of a dump. */
  static ThreadDump parsed(String json) {
    var threads = new ArrayList<Seen>();
    JsonObject dump = new JsonParser().parse(json).getAsJsonObject().getAsJsonObject("threadDump");
    for (JsonElement container : dump.getAsJsonArray("threadContainers")) {
      for (JsonElement one : container.getAsJsonObject().getAsJsonArray("threads")) {
        threads.add(thread(one.getAsJsonObject()));
      }
    }
    threads.sort(Comparator.comparingLong(Seen::id));
    return new ThreadDump(List.copyOf(threads), List.copyOf(threads));
  }

  private static Seen thread(JsonObject one) {
    var stack = new ArrayList<String>();
    one.getAsJsonArray("stack").forEach(frame -> stack.add(frame.getAsString()));
    return new Seen(
        Long.parseLong(text(one, "tid").orElse("0")),
        text(one, "name").orElse(""),
        text(one, "virtual").map(Boolean::parseBoolean).orElse(false),
        text(one, "state").orElse("not said"),
        Long.parseLong(text(one, "carrier").orElse("0")),
        List.copyOf(stack));
  }

  private static Optional<String> text(JsonObject one, String member) {
    return Optional.ofNullable(one.get(member))
        .filter(JsonElement::isJsonPrimitive)
        .map(JsonElement::getAsString);
  }

  /**
   * The threads whose names begin with one of these, in this order; carriers of one of them too.
   */
  public ThreadDump of(String... names) {
    List<Seen> chosen =
        Stream.of(names)
            .flatMap(name -> all.stream().filter(one -> one.name().startsWith(name)))
            .distinct()
            .toList();
    return new ThreadDump(chosen, all);
  }

  /** The threads of this dump. */
  public List<Seen> threads() {
    return threads;
  }

  private static String plain(String frame) {
    return frame.replaceFirst("^[^/(]*/", "").replaceFirst("\\(.*$", "");
  }

  private String name(long id) {
    return all.stream().filter(one -> one.id() == id).map(Seen::name).findFirst().orElse("#" + id);
  }

  private String carried(Seen one) {
    return !one.virtual() ? "is an OS thread" : one.mounted() ? name(one.carrier()) : "nobody";
  }

  @Override
  public Figure figure() {
    return Figure.table(
        "Threads of this JVM, from a dump of its own: %d of %d"
            .formatted(threads.size(), all.size()),
        List.of("thread", "state", "carried by", "stands in"),
        threads.stream()
            .map(one -> List.of(one.name(), one.state(), carried(one), one.stands()))
            .toList());
  }

  @Override
  public String toString() {
    return text();
  }
}
