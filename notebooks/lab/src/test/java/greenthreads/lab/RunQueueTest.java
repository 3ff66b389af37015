package greenthreads.lab;

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
  private final RunQueue queue = new RunQueue();

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
    queue.failed();
    queue.ended(message);
  }

  @Test
  void queuedBehindAFailureIsRefused() {
    Instant start = Instant.now();
    fail(sent(start, true));
    assertTrue(queue.refuses(sent(start, true)));
  }

  @Test
  void sentAfterTheFailureRuns() throws InterruptedException {
    fail(sent(Instant.now(), true));
    Thread.sleep(5);
    assertFalse(queue.refuses(sent(Instant.now(), true)));
  }

  @Test
  void aClockThatIsWrongByAnHourMakesNoDifference() throws InterruptedException {
    for (long skew : new long[] {-3600, 3600}) {
      var skewed = new RunQueue();
      Message<ExecuteRequest> first = sent(Instant.now().plusSeconds(skew), true);
      assertFalse(skewed.refuses(first));
      Thread.sleep(300);
      skewed.failed();
      skewed.ended(first);
      assertTrue(skewed.refuses(sent(Instant.now().minusMillis(100).plusSeconds(skew), true)));
      Thread.sleep(5);
      assertFalse(skewed.refuses(sent(Instant.now().plusSeconds(skew), true)));
    }
  }

  @Test
  void deliberateErrorStopsNothing() {
    Instant start = Instant.now();
    fail(sent(start, false));
    assertFalse(queue.refuses(sent(start, true)));
  }

  @Test
  void cellThatAsksNotToStopRuns() {
    Instant start = Instant.now();
    fail(sent(start, true));
    assertFalse(queue.refuses(sent(start, false)));
  }

  @Test
  void successStopsNothing() {
    Instant start = Instant.now();
    Message<ExecuteRequest> fine = sent(start, true);
    queue.refuses(fine);
    queue.ended(fine);
    assertFalse(queue.refuses(sent(start, true)));
  }
}
