package greenthreads.lab.kernel;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.spencerpark.jupyter.messages.Header;
import io.github.spencerpark.jupyter.messages.KernelTimestamp;
import io.github.spencerpark.jupyter.messages.Message;
import io.github.spencerpark.jupyter.messages.request.ExecuteRequest;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RunQueueTest {
  /** The kernel's clock, which goes on only when a test says so. */
  private Instant now = Instant.parse("2019-11-04T12:00:00Z");

  private final RunQueue queue = new RunQueue(() -> now);

  private void pass(long milliseconds) {
    now = now.plusMillis(milliseconds);
  }

  private static Message<ExecuteRequest> sent(Instant when, boolean stopOnError) {
    var header =
        new Header<>(
            "id",
            "user",
            "session",
            new KernelTimestamp(when.toString()),
            ExecuteRequest.MESSAGE_TYPE,
            "5.3");
    return new Message<>(
        header, new ExecuteRequest("1", false, true, Map.of(), false, stopOnError));
  }

  private void fail(Message<ExecuteRequest> message) {
    assertFalse(queue.refuses(message));
    pass(10);
    queue.failed();
    queue.ended(message);
  }

  @Test
  void queuedBehindAFailureIsRefused() {
    Instant start = now;
    fail(sent(start, true));
    assertTrue(queue.refuses(sent(start, true)));
  }

  @Test
  void sentAfterTheFailureRuns() {
    fail(sent(now, true));
    pass(1);
    assertFalse(queue.refuses(sent(now, true)));
  }

  @Test
  void aClockThatIsWrongByAnHourMakesNoDifference() {
    for (long skew : new long[] {-3600, 3600}) {
      var skewed = new RunQueue(() -> now);
      Message<ExecuteRequest> first = sent(now.plusSeconds(skew), true);
      assertFalse(skewed.refuses(first));
      pass(300);
      skewed.failed();
      skewed.ended(first);
      assertTrue(skewed.refuses(sent(now.minusMillis(100).plusSeconds(skew), true)));
      pass(1);
      assertFalse(skewed.refuses(sent(now.plusSeconds(skew), true)));
    }
  }

  @Test
  void aMessageThatWasSlowOnItsWayIsForgottenWithTheNext() {
    Message<ExecuteRequest> slow = sent(now.minusMillis(250), true);
    assertFalse(queue.refuses(slow));
    Message<ExecuteRequest> first = sent(now, true);
    assertFalse(queue.refuses(first));
    pass(300);
    queue.failed();
    queue.ended(first);
    assertTrue(queue.refuses(sent(now.minusMillis(100), true)));
  }

  @Test
  void deliberateErrorStopsNothing() {
    Instant start = now;
    fail(sent(start, false));
    assertFalse(queue.refuses(sent(start, true)));
  }

  @Test
  void cellThatAsksNotToStopRuns() {
    Instant start = now;
    fail(sent(start, true));
    assertFalse(queue.refuses(sent(start, false)));
  }

  @Test
  void successStopsNothing() {
    Instant start = now;
    Message<ExecuteRequest> fine = sent(start, true);
    queue.refuses(fine);
    queue.ended(fine);
    assertFalse(queue.refuses(sent(start, true)));
  }
}
