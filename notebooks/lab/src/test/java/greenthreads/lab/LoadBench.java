package greenthreads.lab;

import greenthreads.lab.base.Cache;
import greenthreads.lab.base.Workspace;
import greenthreads.lab.bind.Isolation;
import greenthreads.lab.bind.Library;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.compile.Disassembler;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.isolate.Host;
import greenthreads.lab.isolate.IsolatedRun;
import greenthreads.lab.isolate.IsolationTools;
import greenthreads.lab.source.NativeSource;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What a reader waits for: compiling a chapter's file, loading it again, calling into it. */
@State(Scope.Benchmark)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class LoadBench {
  /** The smallest chapter's file calls for little; this one is the largest of the first four. */
  private static final String CHAPTER = "03-a-single-stack-swap";

  private static final MethodHandle GETPPID =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().findOrThrow("getppid"),
              FunctionDescriptor.of(ValueLayout.JAVA_INT));

  /** A function of the chapter that does next to nothing. */
  public interface Chapter {
    long smallest_stack();
  }

  private Compiler compiler;
  private Workspace project;
  private String text;
  private long edit;
  private Chapter chapter;
  private Chapter isolated;
  private Library livingLibrary;
  private Chapter living;

  @Setup
  public void setUp() throws Exception {
    Path root = Workspace.find().root();
    Path build = Files.createTempDirectory("load-bench-");
    project = new Workspace(root, build);
    compiler = new Compiler(Toolchain.find(System.getenv()), project);
    text = Files.readString(project.sources().resolve(CHAPTER + ".c"));
    chapter = cached().bind(Chapter.class);
    List<String> command = compiler.toolchain().command();
    var tools =
        new IsolationTools(
            new Host(command, project.folder("native")),
            Disassembler.find(command, System.getenv()));
    isolated = Isolation.of(tools, chapter, IsolatedRun.DEFAULT_LIMIT);
    isolated.smallest_stack(); // compiles the host
    NativeSource source = NativeSource.ofFile(project.sources(), CHAPTER);
    livingLibrary =
        Library.living(source, compiler.build(source, List.of()), () -> tools, System.out::println);
    living = livingLibrary.bind(Chapter.class);
  }

  @TearDown
  public void tearDown() {
    Cache.delete(project.build());
  }

  private Library cached() {
    NativeSource source = NativeSource.ofFile(project.sources(), CHAPTER);
    return Library.open(source, compiler.build(source, List.of()));
  }

  /** From an edited source to the first result: compile, load, bind, call. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  @OutputTimeUnit(TimeUnit.MILLISECONDS)
  @Warmup(iterations = 3, time = 2)
  @Measurement(iterations = 5, time = 2)
  public long editedSourceToFirstResult() {
    var files = new LinkedHashMap<String, String>();
    files.put("bench.c", text + "\n// edit " + edit++ + "\n");
    NativeSource source = NativeSource.ofCell(project.sources(), "bench", files);
    Library library = Library.open(source, compiler.build(source, List.of()));
    return library.bind(Chapter.class).smallest_stack();
  }

  /** The same when nothing has changed. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  @OutputTimeUnit(TimeUnit.MILLISECONDS)
  @Warmup(iterations = 3, time = 1)
  @Measurement(iterations = 5, time = 1)
  public long unchangedSourceToFirstResult() {
    return cached().bind(Chapter.class).smallest_stack();
  }

  /** The same call in a process of its own. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  @OutputTimeUnit(TimeUnit.MILLISECONDS)
  @Warmup(iterations = 3, time = 1)
  @Measurement(iterations = 5, time = 1)
  public long isolatedCall() {
    return isolated.smallest_stack();
  }

  /** The same call in a process that lives on, from the second one on. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  @OutputTimeUnit(TimeUnit.MICROSECONDS)
  @Warmup(iterations = 3, time = 1)
  @Measurement(iterations = 5, time = 1)
  public long livingCall() {
    return living.smallest_stack();
  }

  /** The first one, which starts the process, and the process's end. */
  @Benchmark
  @BenchmarkMode(Mode.SampleTime)
  @OutputTimeUnit(TimeUnit.MILLISECONDS)
  @Warmup(iterations = 3, time = 1)
  @Measurement(iterations = 5, time = 1)
  public long firstLivingCall() {
    long result = living.smallest_stack();
    livingLibrary.leave();
    return result;
  }

  /** A call through a bound interface, which also passes on what was printed. */
  @Benchmark
  @BenchmarkMode(Mode.AverageTime)
  @OutputTimeUnit(TimeUnit.NANOSECONDS)
  @Warmup(iterations = 3, time = 1)
  @Measurement(iterations = 5, time = 1)
  public long callThroughAnInterface() {
    return chapter.smallest_stack();
  }

  /** A call through a constant method handle, for comparison: a short system call. */
  @Benchmark
  @BenchmarkMode(Mode.AverageTime)
  @OutputTimeUnit(TimeUnit.NANOSECONDS)
  @Warmup(iterations = 3, time = 1)
  @Measurement(iterations = 5, time = 1)
  public int systemCallThroughAHandle() throws Throwable {
    return (int) GETPPID.invokeExact();
  }
}
