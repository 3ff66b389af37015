package greenthreads.lab;

import greenthreads.lab.base.Workspace;
import greenthreads.lab.bind.Library;
import greenthreads.lab.call.Upcall;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.source.NativeSource;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Chapter 09 from Java: a generator's step beside a plain downcall, an upcall by the base thread.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class ThreadsBench {
  private static final int MANY = 1_000;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final Library LIBRARY = open();

  private static final MethodHandle ASK = handle("ask_from_java");
  private static final MethodHandle RETURN = handle("return_at_once");

  /** What else the chapter's file has for Java. */
  public interface Threads {
    MemorySegment open_runtime(int places);

    int run_all(MemorySegment runtime);

    int close_runtime(MemorySegment runtime);

    long spawn_counter(MemorySegment runtime);

    long spawn_mapped(MemorySegment runtime, MemorySegment function, long from, long to);

    long map_here(MemorySegment function, long from, long to);
  }

  private Threads threads;
  private MemorySegment question;
  private MemorySegment function;

  private static Library open() {
    try {
      Workspace workspace = new Workspace(Workspace.find().root(), Workspace.find().build());
      Compiler compiler = new Compiler(Toolchain.find(System.getenv()), workspace);
      NativeSource source = NativeSource.ofFile(workspace.sources(), "09-results-and-channels");
      return Library.open(source, compiler.build(source, List.of()));
    } catch (RuntimeException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static MethodHandle handle(String name) {
    return Linker.nativeLinker()
        .downcallHandle(LIBRARY.find(name), FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
  }

  @Setup
  public void setUp() {
    threads = LIBRARY.bind(Threads.class);
    MemorySegment runtime = threads.open_runtime(1);
    question = Arena.global().allocate(LIBRARY.layout("question"));
    question.set(ValueLayout.ADDRESS, 0, runtime);
    question.set(LONG, 8, threads.spawn_counter(runtime));
    function = Upcall.of(x -> x);
  }

  /** A value of a generator: two switches in one downcall. */
  @Benchmark
  public long step() throws Throwable {
    ASK.invokeExact(question);
    return question.get(LONG, 16);
  }

  /** A downcall that is given the same and returns at once. */
  @Benchmark
  public long downcall() throws Throwable {
    RETURN.invokeExact(question);
    return question.get(LONG, 16);
  }

  /** A function of Java's, called by the base thread for a green thread. */
  @Benchmark
  @OperationsPerInvocation(MANY)
  public int upcallByTheBaseThread() {
    MemorySegment runtime = threads.open_runtime(1);
    threads.spawn_mapped(runtime, function, 1, MANY);
    int waiting = threads.run_all(runtime);
    threads.close_runtime(runtime);
    return waiting;
  }

  /** The same function, called by C without a thread. */
  @Benchmark
  @OperationsPerInvocation(MANY)
  public long upcall() {
    return threads.map_here(function, 1, MANY);
  }

  /** A value from one virtual thread to another, through a queue without room. */
  @Benchmark
  @OperationsPerInvocation(MANY)
  public int handOverOfVirtualThreads() throws Exception {
    var queue = new SynchronousQueue<Integer>();
    try (ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
      virtual.submit(() -> {
        for (int i = 0; i < MANY; i++) {
          queue.put(i);
        }
        return null;
      });
      Future<Integer> last =
          virtual.submit(() -> {
            int value = 0;
            for (int i = 0; i < MANY; i++) {
              value = queue.take();
            }
            return value;
          });
      return last.get();
    }
  }
}
