package greenthreads.lab.bind;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import greenthreads.lab.Lab;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UpcallTest {
  private static final String CALLS =
      """
      #include <stdint.h>
      int64_t sum(int64_t (*function)(int64_t), int64_t from, int64_t to) {
        int64_t total = 0;
        for (int64_t i = from; i <= to; i++) total += function(i);
        return total;
      }
      void only_call(int64_t (*function)(int64_t)) { function(7); }
      """;

  @TempDir Path folder;
  private Calls calls;

  public interface Calls {
    long sum(MemorySegment function, long from, long to);

    void only_call(MemorySegment function);
  }

  @BeforeEach
  void load() throws IOException {
    calls = TestProject.in(folder).with("calls", CALLS).load("calls").bind(Calls.class);
  }

  @Test
  void theFunctionIsCalledOnTheCallingThread() {
    var threads = new ArrayList<Thread>();
    long sum =
        calls.sum(
            Lab.upcall(x -> {
              threads.add(Thread.currentThread());
              return x * x;
            }),
            1,
            3);
    assertEquals(14, sum);
    assertEquals(3, threads.size());
    threads.forEach(thread -> assertSame(Thread.currentThread(), thread));
  }

  @Test
  void anExceptionIsThrownWhereTheCallReturns() {
    var first = new IllegalStateException("of the second call");
    var seen = new ArrayList<Long>();
    MemorySegment throwing =
        Lab.upcall(x -> {
          seen.add(x);
          if (x == 2) {
            throw first;
          }
          if (x == 3) {
            throw new AssertionError("of the third");
          }
          return x;
        });
    assertSame(first, assertThrows(IllegalStateException.class, () -> calls.sum(throwing, 1, 4)));
    assertEquals(
        LongStream.rangeClosed(1, 4).boxed().toList(), seen, "C went on, with 0 as result");
    assertEquals(
        5, calls.sum(throwing, 1, 1) + calls.sum(throwing, 4, 4), "and nothing is left of it");
  }

  @Test
  void errorsAndCallsWithoutAResultToo() {
    MemorySegment throwing =
        Lab.upcall(x -> {
          throw new StackOverflowError("too deep");
        });
    assertThrows(StackOverflowError.class, () -> calls.only_call(throwing));
  }

  @Test
  void anExceptionStaysOnItsOwnThread() throws InterruptedException {
    var other = new AtomicReference<Throwable>();
    Thread thread =
        Thread.ofPlatform()
            .start(() -> {
              try {
                calls.only_call(Lab.upcall(x -> x));
              } catch (Throwable e) {
                other.set(e);
              }
            });
    MemorySegment throwing =
        Lab.upcall(x -> {
          throw new IllegalArgumentException("here");
        });
    assertThrows(IllegalArgumentException.class, () -> calls.only_call(throwing));
    thread.join();
    assertNull(other.get());
  }
}
