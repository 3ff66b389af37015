package greenthreads.lab;

import greenthreads.lab.base.CompileError;
import greenthreads.lab.base.LabException;
import greenthreads.lab.bind.Isolation;
import greenthreads.lab.bind.Library;
import greenthreads.lab.bind.Project;
import greenthreads.lab.call.Upcall;
import greenthreads.lab.compile.Assembly;
import greenthreads.lab.compile.Keeper;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.cross.Machines;
import greenthreads.lab.cross.TargetMachine;
import greenthreads.lab.inspect.InJava;
import greenthreads.lab.inspect.Registers;
import greenthreads.lab.inspect.SideBySide;
import greenthreads.lab.inspect.StackView;
import greenthreads.lab.inspect.Stepper;
import greenthreads.lab.inspect.Steps;
import greenthreads.lab.inspect.Timeline;
import greenthreads.lab.isolate.IsolatedRun;
import greenthreads.lab.isolate.JavaProgram;
import greenthreads.lab.machine.Machine;
import greenthreads.lab.machine.Target;
import greenthreads.lab.show.Figure;
import greenthreads.lab.show.Listing;
import greenthreads.lab.source.PlainListing;
import greenthreads.lab.source.Sources;
import java.io.File;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;
import java.util.stream.Stream;

/**
 * What the chapters' cells start from: load native code, look at it, run it.
 *
 * <p>All methods may be called again and again, in any order.
 */
public final class Lab {
  private Lab() {}

  /**
   * This machine: its system, architecture, Java and C compiler.
   *
   * <p>{@code Lab.machine().architecture()} is {@code x86-64} or {@code AArch64}.
   *
   * @throws LabException if there is no C compiler, saying how to install one
   */
  public static Machine machine() {
    return Machine.here(Session.project().compiler().toolchain().version());
  }

  /**
   * The words that call the C compiler: the program, then what {@code CC} says besides.
   *
   * @throws LabException if there is no C compiler, saying how to install one
   */
  public static List<String> compiler() {
    return Session.project().compiler().toolchain().command();
  }

  /**
   * Loads {@code native/NAME.c}, or the cell {@code %%c NAME}; compiles it first if its text,
   * headers, options or compiler have changed. Says what it did in one line.
   *
   * <p>Code as it was shipped runs in the kernel's process. Code that you have changed runs in a
   * process of its own, which lives on from call to call: a mistake in it ends that process only.
   *
   * @param name a chapter's file without {@code .c}, or a cell's name
   * @param options words for the compiler, after the usual ones: {@code -O0}
   * @return a fresh copy: its global variables start anew
   * @throws CompileError if the compiler refuses the source
   * @throws LabException if there is no such source or no compiler
   */
  public static Library load(String name, String... options) {
    return Session.project().load(name, List.of(options));
  }

  /**
   * Loads a library and binds an interface to it, as {@link #load(String, String...)} and {@link
   * Library#bind(Class)} do, and keeps the two together: when the source is edited, the next cell
   * that runs finds the new code behind the same object.
   */
  public static <T> T load(String name, Class<T> type, String... options) {
    return Session.project().load(name, type, List.of(options));
  }

  /**
   * The same calls, each in a process of its own: whatever happens there, this kernel goes on.
   *
   * <p>{@code Lab.isolate(swap).run()} prints and returns as {@code swap.run()} does, or reports
   * how the process ended. Memory that is passed is copied there and back; global variables start
   * anew at each call. A call may take 10 seconds.
   *
   * @param bound what {@link #load(String, Class, String...)} returned
   * @throws NativeCrash from its calls, if the process crashed, ended itself, or took too long
   */
  public static <T> T isolate(T bound) {
    return isolate(bound, IsolatedRun.DEFAULT_LIMIT);
  }

  /**
   * The same, with a time limit of the reader's.
   *
   * @param limit how long a call may take before its process is ended
   */
  public static <T> T isolate(T bound, Duration limit) {
    return Isolation.of(Session.isolationTools(), bound, limit);
  }

  /**
   * The same calls in the kernel's own process, even if the code was changed.
   *
   * <p>Code as it was shipped runs there anyway. Code that you have changed runs in a process of
   * its own, so that a mistake in it cannot end the kernel; where that is in the way (the code
   * calls back into Java, say), this is the way around, at your own risk: {@code
   * Lab.inKernel(Lab.load("mine", Mine.class)).run()}.
   *
   * @param bound what {@link #load(String, Class, String...)} returned
   */
  public static <T> T inKernel(T bound) {
    return Session.project().inKernel(bound);
  }

  /**
   * The same library, afresh, in the kernel's own process: for addresses that Java itself is to
   * call.
   *
   * @param library what {@link #load(String, String...)} returned
   */
  public static Library inKernel(Library library) {
    return Session.project().inKernel(library);
  }

  /**
   * Runs something that is meant to crash in isolation, and returns the report.
   *
   * <p>{@code Lab.crash(() -> Lab.isolate(swap).run())} shows what ended it, where, and why.
   *
   * @param run calls a function of an isolated interface
   * @return what happened, where, and the likely cause
   * @throws LabException if it does not crash
   */
  public static Figure crash(Runnable run) {
    try {
      run.run();
    } catch (NativeCrash crash) {
      return crash.report().figure();
    }
    throw new LabException(
        "Nothing crashed.\nLab.crash shows how an isolated call ended that did not return; this one"
            + " returned.");
  }

  /**
   * The text of a native file, or of one part of it.
   *
   * <p>{@code Lab.source("03-a-single-stack-swap", "swap_on")} shows a function with its comment.
   *
   * @param file a chapter's file without {@code .c}, or a path under native/ such as {@code
   *     arch/asm.h}; of a folder, such as {@code arch/x86_64-sysv}, the file that has the part
   * @param part the name of a function, struct or macro in it
   * @throws LabException if the file or the part is not there
   */
  public static Listing source(String file, String part) {
    return Sources.part(Session.project().workspace(), file, part);
  }

  /** The text of a whole native file. */
  public static Listing source(String file) {
    return Sources.whole(Session.project().workspace(), file);
  }

  /**
   * A part of a Java file that lies beside the chapters: a method or a class with its comment.
   *
   * <p>{@code Lab.javaSource("GreenThreads.java", "resume")}
   *
   * @param file its name in the folder notebooks/
   * @param part the name of a method or class in it
   * @throws LabException if the file or the part is not there
   */
  public static Listing javaSource(String file, String part) {
    return InJava.part(Session.project().workspace().root().resolve("notebooks"), file, part);
  }

  /**
   * The plain edition of a native file for this machine: one file without comments, which compiles
   * alone.
   *
   * @param name a chapter's file without {@code .c}
   */
  public static Listing plain(String name) {
    return plain(name, Target.here());
  }

  /**
   * The same for another machine.
   *
   * @param target one of {@link #targets}, such as {@code "AArch64, Linux"}
   * @throws LabException if there is no such target; the message names those there are
   */
  public static Listing plain(String name, String target) {
    return plain(name, Target.of(target));
  }

  private static Listing plain(String name, Target target) {
    return PlainListing.listing(Session.project().workspace(), name, target);
  }

  /** The machines that {@link #plain(String, String)} knows. */
  public static List<String> targets() {
    return Stream.of(Target.values()).map(target -> target.title).toList();
  }

  /**
   * All machines that the native files are written for, with what is installed here to make and run
   * programs for each. Looks anew each time.
   */
  public static Machines machines() {
    var environment = new HashMap<>(System.getenv());
    // Where `./build.sh cross` puts Zig: behind all that the machine has itself.
    String zig =
        environment.getOrDefault(
            "GREEN_THREADS_ZIG",
            Session.project().workspace().build().resolve("cross/ziglang").toString());
    environment.merge("PATH", zig, (path, more) -> path + File.pathSeparator + more);
    return Machines.of(
        Session.project(), () -> Session.project().compiler().toolchain(), environment);
  }

  /**
   * One of them, to compile for it and to run there.
   *
   * @param target one of {@link #targets}, such as {@code "AArch64, Linux"}
   * @throws LabException if there is no such target; the message names those there are
   */
  public static TargetMachine target(String target) {
    return machines().get(target);
  }

  /**
   * What the compiler makes of one function, as assembly.
   *
   * <p>{@code Lab.assembly("02-registers-and-calls", "add", "-O0")} shows what it makes without
   * optimizing.
   *
   * @param name a chapter's file without {@code .c}, or a cell's name
   * @param function the function's name
   * @param options words for the compiler; {@code -O0} to {@code -O3}, and on x86-64 {@code
   *     -masm=att} for the other dialect
   */
  public static Listing assembly(String name, String function, String... options) {
    Project.CompilerInput input = Session.project().find(name, List.of(options));
    return Assembly.listing(
        Session.project().compiler(), input.source(), function, input.options());
  }

  /**
   * The registers that native code stored in a struct, ready to be drawn.
   *
   * <p>{@code Lab.registers(library, struct).show()} draws them with what each points to.
   *
   * @param library whose {@code struct registers} it is
   * @param struct the struct
   */
  public static Registers registers(Library library, MemorySegment struct) {
    return Registers.of(library.layout("registers"), struct);
  }

  /**
   * A stack as it is now, ready to be drawn.
   *
   * <p>{@code Lab.stack(memory).show()} draws it, the highest address at the top.
   *
   * @param memory the whole of it
   */
  public static StackView stack(MemorySegment memory) {
    return StackView.of(memory);
  }

  /**
   * Makes one call in a process of its own, and records functions in it instruction by instruction,
   * on the real processor.
   *
   * <p>{@code Lab.step(chapter, c -> c.swap_on(stack, SIZE, report), "swap", "way_home")} records
   * each of the two from its entry to the first instruction outside, wherever that is. Where the
   * system cannot step, it shows the stack before and after the whole call and says so.
   *
   * @param bound what {@link #load(String, Class, String...)} returned
   * @param call makes one call of it
   * @param functions the functions to record, hidden ones too
   * @throws LabException if there is no such function, or the call never enters one
   */
  public static <T> Steps step(T bound, Consumer<T> call, String... functions) {
    return Stepper.step(Session.isolationTools(), bound, call, List.of(functions));
  }

  /**
   * A run from the switches that native code recorded: a lane for each thread, the number of each
   * switch as its time.
   *
   * @param library whose {@code struct switch_record} it is: {@code from} and {@code to} are
   *     threads, 0 being the base thread; {@code cause} is 1 for a yield, 2 for an end, 3 for one
   *     who waits and is not in the ring
   * @param records an array of them
   * @param count how many there are
   * @throws LabException if {@code records} has no room for so many
   */
  public static Timeline trace(Library library, MemorySegment records, long count) {
    return Timeline.ofRecords(library.layout("switch_record"), records, count);
  }

  /**
   * A C function {@code int64_t f(int64_t)} that calls a function of Java's: an upcall. C may keep
   * its address for as long as this kernel lives.
   *
   * <p>Call it only on a stack that the JVM knows. What the function throws, the call into C that
   * led to it throws when it returns; until then C is told 0. An isolated call cannot have it: its
   * process has no JVM.
   *
   * @param function called on the thread that C calls it on
   */
  public static MemorySegment upcall(LongUnaryOperator function) {
    return Upcall.of(function);
  }

  /**
   * A Java program beside the notebooks, to be run in JVMs of its own, which it may crash.
   *
   * @param name its file without {@code .java}: {@code JavaFrames}
   * @param library the native code that it loads
   * @throws LabException if there is no such program
   */
  public static JavaProgram program(String name, Library library) {
    Project project = Session.project();
    var keeper = new Keeper(project.compiler().toolchain().command(), project.workspace());
    return new JavaProgram(name, library.path(), project.workspace(), keeper);
  }

  /**
   * A function's source beside what the compiler makes of it, with the lines that belong together
   * marked.
   *
   * @param name a chapter's file without {@code .c}, or a cell's name
   * @param function the function's name
   * @param levels the options of each version, such as {@code -O0} or {@code "-O2 -march=native"};
   *     a first word that is no option is another compiler: {@code "aarch64-linux-gnu-gcc -O2"}.
   *     None: {@code -O0} and {@code -O2}
   */
  public static Figure code(String name, String function, String... levels) {
    return SideBySide.figure(Session.project(), name, function, List.of(levels));
  }

  /**
   * Runs something without a line for each library that is loaded from the cache: the checks of
   * exercises.
   */
  public static void quietly(Runnable run) {
    Project.quietly(run);
  }
}
