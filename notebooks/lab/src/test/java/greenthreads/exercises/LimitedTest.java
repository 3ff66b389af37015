package greenthreads.exercises;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LimitedTest {
  private static final Duration SHORT = Duration.ofSeconds(1);
  private static final Duration LONG = Duration.ofSeconds(50);

  @SuppressWarnings("unchecked")
  private static <T> T limited(Limited limited, T answer) {
    return (T) limited.of(answer);
  }

  private static void forever() {
    while (!Thread.interrupted()) {
      Thread.onSpinWait();
    }
  }

  @Test
  void whatDoesNotComeBackIsSaidAndEnded() throws Exception {
    var ended = new CountDownLatch(1);
    try (var limit = new Limited(SHORT)) {
      Supplier<Integer> endless =
          limited(
              limit,
              () -> {
                forever();
                ended.countDown();
                return 1;
              });
      LabException late = assertThrows(LabException.class, endless::get);
      assertEquals(
          "It did not come back within 1 seconds: a loop in it never ends. It may still run, and keep a processor busy: Kernel > Restart Kernel ends it.",
          late.getMessage());
      assertTrue(ended.await(10, TimeUnit.SECONDS), "it was not interrupted");
    }
  }

  @Test
  void noFurtherCallIsMade() {
    try (var limit = new Limited(SHORT)) {
      int[] calls = {0};
      Consumer<Object> endless =
          limited(
              limit,
              (Consumer<Object>)
                  any -> {
                    calls[0]++;
                    forever();
                  });
      assertThrows(LabException.class, () -> endless.accept(1));
      assertThrows(LabException.class, () -> endless.accept(2));
      assertEquals(1, calls[0]);
    }
  }

  @Test
  void theValuesOfAnIteratorHaveTheLimitToo() {
    try (var limit = new Limited(SHORT)) {
      Supplier<Iterator<Integer>> endless =
          limited(
              limit,
              () ->
                  new Iterator<>() {
                    @Override
                    public boolean hasNext() {
                      forever();
                      return true;
                    }

                    @Override
                    public Integer next() {
                      return 1;
                    }
                  });
      Iterator<Integer> values = endless.get();
      assertEquals(1, values.next());
      assertThrows(LabException.class, values::hasNext);
    }
  }

  @Test
  void methodsOfEachShapeGiveAndThrowWhatTheyDo() {
    try (var limit = new Limited(LONG)) {
      Function<Integer, Integer> twice = limited(limit, n -> 2 * n);
      assertEquals(6, twice.apply(3));
      BiFunction<Integer, Integer, Integer> sum = limited(limit, Integer::sum);
      assertEquals(7, sum.apply(3, 4));
      var seen = new AtomicReference<Object>();
      BiConsumer<String, String> both = limited(limit, (a, b) -> seen.set(a + b));
      both.accept("x", "y");
      assertEquals("xy", seen.get());
      var failure = new Error("mine");
      Supplier<Object> fails =
          limited(
              limit,
              () -> {
                throw failure;
              });
      assertSame(failure, assertThrows(Error.class, fails::get));
      assertEquals(List.of(1), limit.of(List.of(1)));
    }
  }

  @Test
  void allCallsAreOfOneThreadThatIsNotTheChecks() {
    try (var limit = new Limited(LONG)) {
      Supplier<Thread> who = limited(limit, Thread::currentThread);
      Thread first = who.get();
      assertSame(first, who.get());
      assertFalse(first == Thread.currentThread());
      assertTrue(first.isDaemon());
    }
  }

  @Test
  void aCallOutOfACallWaitsForNobody() {
    try (var limit = new Limited(LONG)) {
      Supplier<Integer> inner = limited(limit, () -> 1);
      Supplier<Integer> outer =
          limited(
              limit,
              () -> {
                var found = new AtomicReference<Integer>();
                Thread other = Thread.ofPlatform().start(() -> found.set(inner.get()));
                try {
                  other.join();
                } catch (InterruptedException e) {
                  throw new AssertionError(e);
                }
                return found.get() + inner.get();
              });
      assertEquals(2, outer.get());
    }
  }

  @Test
  void anInterruptEndsTheCheck() throws Exception {
    var started = new CountDownLatch(1);
    var failure = new AtomicReference<Throwable>();
    Thread check =
        Thread.ofPlatform()
            .start(() -> {
              try (var limit = new Limited(LONG)) {
                Supplier<Integer> endless =
                    limited(
                        limit,
                        () -> {
                          started.countDown();
                          forever();
                          return 1;
                        });
                endless.get();
              } catch (LabException e) {
                failure.set(e);
              }
            });
    assertTrue(started.await(10, TimeUnit.SECONDS));
    check.interrupt();
    check.join(10_000);
    assertEquals("The check was interrupted.", failure.get().getMessage());
  }
}
