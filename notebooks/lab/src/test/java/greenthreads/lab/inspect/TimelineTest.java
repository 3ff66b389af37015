package greenthreads.lab.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.show.Drawn;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Pictures;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class TimelineTest {
  private static final Timeline RUN =
      Timeline.of(
          List.of(
              new Timeline.Switch(10, "A", "B", "ready"),
              new Timeline.Switch(0, "", "A", ""),
              new Timeline.Switch(25, "B", "A", "waiting"),
              new Timeline.Switch(40, "A", "", "finished")),
          50);

  @Test
  void tableAndCsvAreTheTrace() {
    assertEquals(
        """
        time  from  to  from is now
        0     –     A
        10    A     B   ready
        25    B     A   waiting
        40    A     –   finished\
        """,
        RUN.text().substring(RUN.text().indexOf("time ")));
    assertEquals(
        "time,from,to,state\n0,,A,\n10,A,B,ready\n25,B,A,waiting\n40,A,,finished\n", RUN.csv());
    assertTrue(RUN.figure().alt().contains("A runs 50 %, B runs 30 %"), RUN.figure().alt());
  }

  @Test
  void everyStretchHasItsWords() {
    String html = RUN.figure().html();
    for (String title :
        List.of(
            "A: running from 0 to 10, 10",
            "A: ready from 10 to 25, 15",
            "B: not started from 0 to 10, 10",
            "B: waiting from 25 to 50, 25",
            "A: finished from 40 to 50, 10")) {
      assertTrue(html.contains("<title>" + title + "</title>"), title);
    }
  }

  @Test
  void runWithoutSwitchesIsDrawn() {
    Timeline nothing = Timeline.of(List.of(), 0);
    assertEquals(0, nothing.switches().size());
    assertTrue(nothing.text().startsWith("0 threads, 0 switches"), nothing.text());
  }

  @Test
  void partShowsHowThingsStood() {
    Timeline part = RUN.between(20, 30);
    assertTrue(part.figure().html().contains("<title>B: running from 20 to 25, 5</title>"));
    assertTrue(part.figure().html().contains("<title>A: ready from 20 to 25, 5</title>"));
    assertThrows(LabException.class, () -> RUN.between(30, 20));
    assertEquals( // how things stood at its beginning is no switch
        RUN.switches().stream().filter(one -> one.time() >= 20 && one.time() <= 30).toList(),
        part.switches());
  }

  private static final StructLayout RECORD =
      MemoryLayout.structLayout(
          ValueLayout.JAVA_INT.withName("from"),
          ValueLayout.JAVA_INT.withName("to"),
          ValueLayout.JAVA_INT.withName("cause"),
          ValueLayout.JAVA_INT.withName("ready"));

  @Test
  void recordedSwitchesBecomeARun() {
    int[] fields = {0, 1, 1, 1, /* yields */ 1, 0, 2, 0 /* ends */};
    Timeline run = Timeline.ofRecords(RECORD, MemorySegment.ofArray(fields), 2);
    assertEquals(
        "time,from,to,state\n1,base thread,thread 1,ready\n2,thread 1,base thread,finished\n",
        run.csv());
    String html = run.figure().html();
    assertTrue(html.contains("<title>base thread: running from 0 to 1, 1</title>"), html);
    assertTrue(html.contains("<title>thread 1: finished from 2 to 3, 1</title>"), html);
  }

  private static List<String> ticks(Timeline run) {
    return Pattern.compile("text-anchor=\"(?:start|middle|end)\">([^<]*)</text>")
        .matcher(run.figure().html().replaceAll("<svg width.*?</svg>", ""))
        .results()
        .map(found -> found.group(1))
        .filter(label -> label.matches("[\\d.]+"))
        .toList();
  }

  @Test
  void ticksAreWholeNumbersWhereTheTimesAre() {
    for (int end : new int[] {1, 2, 3, 4, 7, 9, 23, 29, 44, 46, 99, 1_000, 123_457}) {
      List<String> ticks = ticks(Timeline.of(List.of(new Timeline.Switch(0, "", "A", "")), end));
      assertTrue(ticks.stream().allMatch(tick -> tick.matches("\\d+")), end + ": " + ticks);
      assertTrue(ticks.size() >= 2 && ticks.size() <= 9, end + ": " + ticks);
      assertEquals(ticks.stream().distinct().toList(), ticks);
    }
    assertEquals(List.of("0", "10", "20", "30", "40", "50"), ticks(RUN));
  }

  @Test
  void notStartedAndFinishedAreDrawnInDifferentShapes() {
    String html = RUN.figure().html();
    Pattern dots = Pattern.compile("<path class=\"gt-t-new\" d=\"M\\S+ \\S+h\\S+\"><title>B: not");
    Pattern cross =
        Pattern.compile("<path class=\"gt-t-out\" d=\"M[^\"]*l8 8[^\"]*\"><title>A: fin");
    assertTrue(dots.matcher(html).find() && cross.matcher(html).find(), html);
    assertTrue(
        Pictures.file("figures.css")
            .contains(
                ".gt-t-new { fill: none; stroke: currentColor; stroke-width: 2; stroke-dasharray"));
  }

  @Test
  void whoHasLeftTheRingAndNotReturnedWaits() {
    int[] fields = {0, 1, 3, 1, /* waits */ 1, 0, 2, 0 /* ends */};
    Timeline run = Timeline.ofRecords(RECORD, MemorySegment.ofArray(fields), 2);
    assertTrue(run.csv().contains("1,base thread,thread 1,waiting\n"), run.csv());
  }

  @Test
  void moreSwitchesThanWereRecordedAreRefused() {
    MemorySegment two = MemorySegment.ofArray(new int[8]);
    for (long count : new long[] {-1, 3}) {
      var thrown = assertThrows(LabException.class, () -> Timeline.ofRecords(RECORD, two, count));
      assertTrue(thrown.getMessage().contains("holds 2 records of 16 bytes"), thrown.getMessage());
    }
  }

  @Test
  void runThatEndsBeforeItsLastSwitchIsRefused() {
    assertThrows(
        LabException.class,
        () -> Timeline.of(List.of(new Timeline.Switch(5, "A", "B", "ready")), 4));
  }

  @Test
  void namesAreEscaped() {
    var evil = List.of(new Timeline.Switch(0, "<b>", "\"x,y\"", "<i>"));
    Timeline timeline = Timeline.of(evil, 1);
    assertFalse(timeline.figure().html().contains("<b>"));
    assertFalse(timeline.figure().html().contains("<i>"));
    assertEquals("time,from,to,state\n0,<b>,\"\"\"x,y\"\"\",<i>\n", timeline.csv());
  }

  @Test
  void longRunStaysSmallAndQuick() {
    for (int count : new int[] {1_000, 100_000}) {
      var switches = new ArrayList<Timeline.Switch>();
      for (int i = 0; i < count; i++) {
        switches.add(new Timeline.Switch(i, "thread " + i % 8, "thread " + (i + 1) % 8, "ready"));
      }
      Timeline run = Timeline.of(switches, count);
      Figure figure = Drawn.smallAndQuick(run::figure);
      assertTrue(figure.text().contains("and %,d more".formatted(count - 400)));
    }
  }
}
