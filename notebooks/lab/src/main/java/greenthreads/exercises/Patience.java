package greenthreads.exercises;

import greenthreads.lab.base.LabException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Calls an answer that is written in Java, and so may never come back.
 *
 * <p>Nothing can end such a call from outside. It is left alone after a while, and the answer is
 * not called again: a second endless loop would keep a second processor busy.
 */
final class Patience {
  private final Duration limit;
  private LabException lost;

  Patience(Duration limit) {
    this.limit = limit;
  }

  /** What the call returns or throws; a {@link LabException} if it does not come back in time. */
  <T> T call(Callable<T> answer) throws Exception {
    if (lost != null) {
      throw lost;
    }
    var task = new FutureTask<>(answer);
    Thread.ofPlatform().name("answer").daemon().start(task);
    try {
      return task.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      task.cancel(true); // should it wait for something
      lost =
          new LabException(
              "it has not come back within "
                  + limit.toSeconds()
                  + " s: a loop in it never ends. It may still run, and keep a processor busy:"
                  + " Kernel > Restart Kernel ends it");
      throw lost;
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case Exception thrown -> throw thrown;
        case Error thrown -> throw thrown;
        default -> throw e;
      }
    }
  }
}
