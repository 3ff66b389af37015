import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.DoubleSupplier;
import jdk.internal.vm.Continuation;
import jdk.internal.vm.ContinuationScope;

/**
 * The JDK for bench.c: what a turn costs of its continuations, of chapter 13's runtime in Java, of
 * its virtual threads, and of chapter 11's threads if Java has a whole schedule of them run by one
 * downcall; and what a thread's whole life costs of the first three.
 *
 * <pre>java --add-exports java.base/jdk.internal.vm=ALL-UNNAMED --enable-native-access=ALL-UNNAMED
 *     -Djdk.virtualThreadScheduler.parallelism=1 Turns LIBRARY-11 THREADS</pre>
 *
 * <p>Compiled together with notebooks/GreenThreads.java.
 *
 * <p>Prints a name and the nanoseconds of a turn on each line, the median of several runs. THREADS
 * is how many virtual threads there are in the last one.
 */
class Turns {
  private static final ContinuationScope SCOPE = new ContinuationScope("turns");

  public static void main(String[] words) throws Throwable {
    MethodHandle many =
        Linker.nativeLinker()
            .downcallHandle(
                SymbolLookup.libraryLookup(Path.of(words[0]), Arena.global())
                    .find("many")
                    .orElseThrow(),
                FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    say("schedule", 11, () -> scheduleNs(many, 100, 10_000));
    say("continuation", 11, () -> continuationNs(100, 500));
    say("green", 11, () -> greenNs(100, 500));
    say("life-continuation", 11, () -> continuationNs(20_000, 0));
    say("life-green", 11, () -> greenNs(20_000, 0));
    say("life-virtual", 11, () -> virtualLifeNs(20_000));
    say("virtual-100", 7, () -> virtualNs(100, 500));
    say("virtual-10000", 5, () -> virtualNs(10_000, 10));
    say("virtual-1000000", 1, () -> virtualNs(Integer.parseInt(words[1]), 3));
  }

  private static void say(String name, int runs, DoubleSupplier run) {
    if (runs > 1) {
      run.getAsDouble(); // a rehearsal: the JVM compiles what runs often
    }
    double[] sorted = java.util.stream.DoubleStream.generate(run).limit(runs).sorted().toArray();
    System.out.println(name + " " + sorted[runs / 2]);
  }

  /** Made, run and ended, all in one downcall. */
  private static double scheduleNs(MethodHandle many, int threads, int turns) {
    try {
      long start = System.nanoTime();
      long taken = (long) many.invokeExact(threads, turns);
      return (System.nanoTime() - start) / (double) taken;
    } catch (Throwable problem) {
      throw new IllegalStateException(problem);
    }
  }

  /**
   * Made, and resumed in turn by a loop: the shortest scheduler for them. Without turns, what is
   * left is a continuation's life.
   */
  private static double continuationNs(int threads, int turns) {
    var all = new ArrayList<Continuation>();
    long start = System.nanoTime();
    for (int i = 0; i < threads; i++) {
      all.add(
          new Continuation(
              SCOPE,
              () -> {
                for (int turn = 0; turn < turns; turn++) {
                  Continuation.yield(SCOPE);
                }
              }));
    }
    for (int turn = 0; turn <= turns; turn++) {
      for (Continuation one : all) {
        one.run();
      }
    }
    return (System.nanoTime() - start) / ((double) threads * (turns + 1));
  }

  /** The same in chapter 13's runtime. No turns: what is left is a thread's life. */
  private static double greenNs(int threads, int turns) {
    var runtime = new GreenThreads();
    long start = System.nanoTime();
    for (int i = 0; i < threads; i++) {
      runtime.spawn(
          () -> {
            for (int turn = 0; turn < turns; turn++) {
              GreenThreads.yieldThread();
            }
            return null;
          });
    }
    runtime.run();
    return (System.nanoTime() - start) / ((double) threads * (turns + 1));
  }

  /** Started one after another, by a thread of their own kind, to their ends. */
  private static double virtualLifeNs(int threads) {
    var ended = new CountDownLatch(threads);
    long start = System.nanoTime();
    Thread.startVirtualThread(
        () -> {
          for (int i = 0; i < threads; i++) {
            Thread.startVirtualThread(ended::countDown);
          }
        });
    try {
      ended.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return (System.nanoTime() - start) / (double) threads;
  }

  /** On one carrier: the first one measures when all others have begun. */
  private static double virtualNs(int threads, int turns) {
    var begun = new CountDownLatch(threads);
    var ended = new CountDownLatch(threads);
    var go = new AtomicBoolean();
    long[] times = new long[2];
    Runnable first =
        () -> {
          begun.countDown();
          while (begun.getCount() > 0) {
            Thread.yield();
          }
          times[0] = System.nanoTime();
          go.set(true);
          for (int turn = 0; turn < turns; turn++) {
            Thread.yield();
          }
          times[1] = System.nanoTime();
          ended.countDown();
        };
    Runnable other =
        () -> {
          begun.countDown();
          while (!go.get()) {
            Thread.yield();
          }
          for (int turn = 0; turn < turns; turn++) {
            Thread.yield();
          }
          ended.countDown();
        };
    // Started by a thread of their own kind: one that comes from outside would wait for as long as
    // the only carrier has others that are ready.
    Thread.startVirtualThread(
        () -> {
          Thread.startVirtualThread(first);
          for (int i = 1; i < threads; i++) {
            Thread.startVirtualThread(other);
          }
        });
    try {
      ended.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return (times[1] - times[0]) / ((double) threads * turns);
  }
}
