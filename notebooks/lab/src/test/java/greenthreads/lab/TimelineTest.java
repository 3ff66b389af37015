package greenthreads.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TimelineTest {
  private static final Timeline RUN =
      Timeline.of(
          List.of(
              new Timeline.Switch(10, "A", "B", "ready"),
              new Timeline.Switch(0, "", "A", ""),
              new Timeline.Switch(25.5, "B", "A", "waiting"),
              new Timeline.Switch(40, "A", "", "done")),
          50);

  @Test
  void tableAndCsvAreTheTrace() {
    assertEquals(
        """
        time  from  to  from is now
        0     –     A
        10    A     B   ready
        25.5  B     A   waiting
        40    A     –   done\
        """,
        RUN.text().substring(RUN.text().indexOf("time ")));
    assertEquals(
        "time,from,to,state\n0,,A,\n10,A,B,ready\n25.5,B,A,waiting\n40,A,,done\n", RUN.csv());
    assertTrue(RUN.figure().alt().contains("A runs 49 %, B runs 31 %"), RUN.figure().alt());
  }

  @Test
  void everyStretchHasItsWords() {
    String html = RUN.figure().html();
    for (String title :
        List.of(
            "A: running from 0 to 10, 10",
            "A: ready from 10 to 25.5, 15.5",
            "B: not started from 0 to 10, 10",
            "B: waiting from 25.5 to 50, 24.5",
            "A: done from 40 to 50, 10")) {
      assertTrue(html.contains("<title>" + title + "</title>"), title);
    }
  }

  @Test
  void lettersBecomeSwitches() {
    Timeline letters = Timeline.ofLetters("AABA.B").unit("ms");
    assertEquals(
        "time,from,to,state\n0,,A,\n2,A,B,ready\n3,B,A,ready\n4,A,,done\n5,,B,\n", letters.csv());
    assertTrue(letters.text().contains("2 ms"), letters.text());
    assertEquals(0, Timeline.ofLetters("").switches().size());
    Timeline.ofLetters("").figure();
  }

  @Test
  void partShowsHowThingsStood() {
    Timeline part = RUN.between(20, 30);
    assertTrue(part.figure().html().contains("<title>B: running from 20 to 25.5, 5.5</title>"));
    assertTrue(part.figure().html().contains("<title>A: ready from 20 to 25.5, 5.5</title>"));
    assertThrows(LabException.class, () -> RUN.between(30, 20));
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
        "time,from,to,state\n1,base thread,thread 1,ready\n2,thread 1,base thread,done\n",
        run.csv());
    String html = run.figure().html();
    assertTrue(html.contains("<title>base thread: running from 0 to 1, 1</title>"), html);
    assertTrue(html.contains("<title>thread 1: done from 2 to 3, 1</title>"), html);
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
