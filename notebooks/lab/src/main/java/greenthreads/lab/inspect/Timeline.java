package greenthreads.lab.inspect;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;

import greenthreads.lab.base.LabException;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Picture;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A run in time: who was running when, and what the others were waiting for.
 *
 * <pre>{@code
 * Timeline.of(List.of(
 *     new Timeline.Switch(0, "", "A", ""),
 *     new Timeline.Switch(10, "A", "B", "ready"),
 *     new Timeline.Switch(30, "B", "A", "finished")), 50)
 * }</pre>
 */
public final class Timeline implements Picture {
  /**
   * One switch.
   *
   * @param time when it happened
   * @param from who stopped running; empty for nobody
   * @param to who runs from now on; empty for nobody
   * @param state what {@code from} is now: {@code ready}, {@code waiting}, {@code finished}, …
   */
  public record Switch(long time, String from, String to, String state) {}

  /** A stretch of one thread's time in one state. */
  record Span(String thread, String state, long start, long end) {
    long length() {
      return end - start;
    }
  }

  static final String RUNNING = "running";
  static final String FINISHED = "finished";
  static final String NOT_STARTED = "not started";

  private final List<Switch> stood; // how things are at the start of a part
  private final List<Switch> switches;
  private final long start;
  private final long end;
  private final List<String> threads;
  private final List<Span> spans;

  private Timeline(List<Switch> stood, List<Switch> switches, long start, long end) {
    this.stood = stood;
    this.switches = switches;
    this.start = start;
    this.end = end;
    var names = new LinkedHashSet<String>();
    for (Switch one : marks()) {
      names.add(one.from());
      names.add(one.to());
    }
    names.remove("");
    this.threads = List.copyOf(names);
    this.spans = spans();
  }

  /**
   * A run from its switches.
   *
   * @param switches in any order
   * @param end when the run ended
   */
  public static Timeline of(List<Switch> switches, long end) {
    List<Switch> sorted = switches.stream().sorted(Comparator.comparingLong(Switch::time)).toList();
    long start = sorted.isEmpty() ? 0 : sorted.getFirst().time();
    if (end < start || sorted.stream().anyMatch(one -> one.time() > end)) {
      throw new LabException("The run ends at %d, before its last switch.".formatted(end));
    }
    return new Timeline(List.of(), sorted, start, end);
  }

  /**
   * A run from the records of its switches, as {@code Lab.trace} explains them. The run begins one
   * before the first switch and ends one after the last.
   */
  public static Timeline ofRecords(StructLayout record, MemorySegment records, long count) {
    long room = records.byteSize() / record.byteSize();
    if (count < 0 || count > room) {
      throw new LabException(
          "%d switches cannot be shown: the memory holds %d records of %d bytes.\nRecord into more memory, or show the first %d."
              .formatted(count, room, record.byteSize(), room));
    }
    VarHandle from = record.varHandle(groupElement("from"));
    VarHandle to = record.varHandle(groupElement("to"));
    VarHandle cause = record.varHandle(groupElement("cause"));
    var switches = new ArrayList<Switch>();
    for (long i = 0; i < count; i++) {
      long at = i * record.byteSize();
      String state =
          switch ((int) cause.get(records, at)) {
            case RETURNED -> FINISHED;
            case WAITS -> "waiting";
            default -> "ready";
          };
      switches.add(
          new Switch(
              i + 1,
              thread((int) from.get(records, at)),
              thread((int) to.get(records, at)),
              state));
    }
    return new Timeline(List.of(), List.copyOf(switches), 0, count + 1);
  }

  /** What {@code cause} says when a thread's function has returned. */
  private static final int RETURNED = 2;

  /** What it says when a thread has left the ring, and has not returned. */
  private static final int WAITS = 3;

  private static String thread(int id) {
    return id == 0 ? "base thread" : "thread " + id;
  }

  /**
   * A part of the run, to be looked at closely.
   *
   * @param from its first moment
   * @param to its last
   */
  public Timeline between(long from, long to) {
    if (from >= to) {
      throw new LabException("Nothing lies between %d and %d.".formatted(from, to));
    }
    var stands = new ArrayList<Switch>();
    for (Span span : spans) {
      if (span.start() < from && span.end() > from) {
        stands.add(
            span.state().equals(RUNNING)
                ? new Switch(from, "", span.thread(), "")
                : new Switch(from, span.thread(), "", span.state()));
      }
    }
    return new Timeline(
        stands,
        switches.stream().filter(one -> one.time() >= from && one.time() <= to).toList(),
        from,
        to);
  }

  /** The switches in order of time. */
  public List<Switch> switches() {
    return switches;
  }

  /** The trace as comma-separated values, one line for each switch. */
  public String csv() {
    var lines = new StringBuilder("time,from,to,state\n");
    for (Switch one : switches) {
      lines.append(one.time()).append(',').append(quoted(one.from())).append(',');
      lines.append(quoted(one.to())).append(',').append(quoted(one.state())).append('\n');
    }
    return lines.toString();
  }

  private static String quoted(String text) {
    return text.matches("[^\",\r\n]*") ? text : "\"" + text.replace("\"", "\"\"") + "\"";
  }

  private List<Switch> marks() {
    return Stream.concat(stood.stream(), switches.stream()).toList();
  }

  private List<Span> spans() {
    var all = new ArrayList<Span>();
    Map<String, Switch> since = new LinkedHashMap<>();
    Map<String, String> states = new LinkedHashMap<>();
    for (Switch one : marks()) {
      for (String name : List.of(one.from(), one.to())) {
        if (!name.isEmpty()) {
          Switch before = since.put(name, one);
          long from = before == null ? start : before.time();
          String state =
              before != null ? states.get(name) : name.equals(one.from()) ? RUNNING : NOT_STARTED;
          if (one.time() > from) {
            all.add(new Span(name, state, from, one.time()));
          }
          states.put(name, name.equals(one.to()) ? RUNNING : one.state());
        }
      }
    }
    since.forEach((name, last) -> {
      if (end > last.time()) {
        all.add(new Span(name, states.get(name), last.time(), end));
      }
    });
    return all;
  }

  // ----- for the drawing -----------------------------------------------------------------------

  long start() {
    return start;
  }

  long end() {
    return end;
  }

  List<String> threads() {
    return threads;
  }

  List<Span> stretches() {
    return spans;
  }

  @Override
  public Figure figure() {
    return new TimelineDrawing(this).figure();
  }

  @Override
  public String toString() {
    return text();
  }
}
