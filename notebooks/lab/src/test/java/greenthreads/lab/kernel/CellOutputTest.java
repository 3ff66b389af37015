package greenthreads.lab.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class CellOutputTest {
  private final List<String> sent = Collections.synchronizedList(new ArrayList<>());
  private final CellOutput output =
      new CellOutput(new CellOutput.Sink(t -> sent.add("out:" + t), t -> sent.add("err:" + t)));

  @Test
  void manyLinesBecomeFewMessages() {
    output.begin();
    for (int i = 0; i < 1000; i++) {
      output.out().println(i);
    }
    output.end();
    assertTrue(sent.size() < 20, "messages: " + sent.size());
    assertTrue(sent.getLast().endsWith("999" + System.lineSeparator()));
  }

  @Test
  void streamsKeepTheirOrder() {
    output.begin();
    output.nativeOut("a");
    output.nativeErr("b");
    output.nativeOut("c");
    output.end();
    assertEquals(List.of("out:a", "err:b", "out:c"), sent);
  }

  @Test
  void floodKeepsFirstAndLastAndCounts() {
    output.begin();
    for (int i = 0; i < 200_000; i++) {
      output.nativeOut("line " + i + "\n");
    }
    output.end();
    String all = String.join("", sent);
    assertTrue(all.contains("line 0\n"));
    assertTrue(all.contains("line 199999\n"));
    assertTrue(all.contains("not shown"), "no word of what is missing");
    assertTrue(all.length() < CellOutput.HEAD_LIMIT + CellOutput.TAIL_LIMIT + 10_000);
    long shown = all.lines().filter(line -> line.contains("line ")).count();
    var count = java.util.regex.Pattern.compile("in ([\\d,]+) lines").matcher(all);
    assertTrue(count.find());
    long cut = Long.parseLong(count.group(1).replace(",", ""));
    assertEquals(200_000, shown + cut);
  }

  @Test
  void shortPieceDoesNotOvertakeWhatIsHeldBack() {
    output.begin();
    output.nativeOut("x".repeat(CellOutput.HEAD_LIMIT - 10));
    output.nativeOut("y".repeat(100));
    output.nativeOut("end");
    output.end();
    assertTrue(sent.getLast().endsWith("yend"), "sent last: " + sent.getLast());
  }

  @Test
  void nextCellStartsFromZero() {
    output.begin();
    output.nativeOut("x".repeat(CellOutput.HEAD_LIMIT + 10));
    output.end();
    sent.clear();
    output.begin();
    output.nativeOut("y");
    output.end();
    assertEquals(List.of("out:y"), sent);
  }

  @Test
  void characterSplitOverTwoWritesArrivesWhole() {
    byte[] bytes = "é😀".getBytes(StandardCharsets.UTF_8);
    output.begin();
    for (byte b : bytes) {
      output.out().write(b);
    }
    output.end();
    assertEquals(
        "out:é😀", String.join("", sent).replace("out:", "out:").replaceAll("(?<!^)out:", ""));
  }

  @Test
  void outputBetweenCellsWaitsForTheNext() throws InterruptedException {
    output.nativeOut("late");
    Thread.sleep(80);
    assertEquals(List.of(), sent);
    output.begin();
    output.end();
    assertEquals(List.of("out:late"), sent);
  }
}
