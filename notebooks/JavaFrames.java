import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.lang.StackWalker.StackFrame;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * Java on the stacks of green threads, for a JVM of its own: most of it is meant to crash.
 *
 * <pre>java --enable-native-access=ALL-UNNAMED JavaFrames.java LIBRARY NOTES WHAT ROUNDS INSIDE</pre>
 *
 * LIBRARY is native/13-from-here-to-loom.c, compiled. NOTES is a file of four words that survives a
 * crash: how many rounds began, and after how many of them something was wrong; "wait" leaves four
 * times there.
 */
public class JavaFrames {
    static MemorySegment notes;
    static MethodHandle yield, callWhereTheyStand, callByTheBaseThread, wholeSchedule, critical;
    static long rounds;
    static int inside;
    static Object garbage;

    record Mine(long number) {}

    // ---- what the two threads do: C calls one of these for each, on the thread's own stack

    /** Each keeps an object in a local variable, and looks whether it is still the same. */
    static long keep(long number) {
        var mine = new Mine(number);
        for (long i = 0; i < rounds; i++) {
            tally(0);
            yieldThread();
            garbage = new byte[1000];
            if (mine.number() != number) {
                tally(1);
            }
        }
        return number;
    }

    /** Each asks who has called it, and looks whether the other one is among them. */
    static long look(long number) {
        return number == 1 ? first() : second();
    }

    static long first() {
        for (long i = 0; i < rounds; i++) {
            yieldThread();
            lookFor("second");
        }
        return 1;
    }

    static long second() {
        for (long i = 0; i < rounds; i++) {
            yieldThread();
            lookFor("first");
        }
        return 2;
    }

    static void lookFor(String other) {
        tally(0);
        List<String> callers = StackWalker.getInstance().walk(frames ->
            frames.map(StackFrame::getMethodName).filter(Set.of("first", "second", "home")::contains).toList());
        if (callers.contains(other)) {
            tally(1);
        }
        if (rounds <= 3) {
            System.out.println(String.join(" ← ", callers));
        }
    }

    /** Called by the base thread: it makes garbage, and now and then has all of it collected. */
    static long collect(long number) {
        tally(0);
        garbage = new byte[16];
        if (notes.get(JAVA_LONG, 0) % 100_000 == 0) {
            System.gc();
        }
        return number;
    }

    static void yieldThread() {
        try {
            yield.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError("C throws nothing", e);
        }
    }

    // ---- what the OS thread does

    /** The call into C that all of it happens in. */
    static void home(String what) throws Throwable {
        switch (what) {
            case "keep", "look" -> check(3, (long) callWhereTheyStand.invokeExact(java(what), inside));
            case "holds" -> {
                check(rounds / 2 * 3, (long) callByTheBaseThread.invokeExact(java("collect"), rounds / 2));
                repeat(wholeSchedule);
                repeat(critical);
            }
            case "wait" -> {
                collectBeside(wholeSchedule, 0);
                collectBeside(critical, 2);
            }
            default -> throw new IllegalArgumentException(what);
        }
    }

    /** A whole schedule each time, of two threads with two turns each. */
    static void repeat(MethodHandle schedule) throws Throwable {
        for (long i = 0; i < rounds; i++) {
            check(4, (long) schedule.invokeExact(2L));
            collect(0);
        }
    }

    /** Asks for a collection while another thread runs a long schedule; notes microseconds. */
    static void collectBeside(MethodHandle schedule, int at) throws Exception {
        var ended = new long[1];
        var other = new Thread(() -> {
            try {
                check(2 * rounds, (long) schedule.invokeExact(rounds));
            } catch (Throwable e) {
                throw new AssertionError("C throws nothing", e);
            }
            ended[0] = System.nanoTime();
        });
        other.start();
        Thread.sleep(50); // it runs by now
        long asked = System.nanoTime();
        System.gc();
        long collected = System.nanoTime();
        other.join();
        notes.setAtIndex(JAVA_LONG, at, (ended[0] - asked) / 1000);
        notes.setAtIndex(JAVA_LONG, at + 1, (collected - asked) / 1000);
    }

    static void check(long wanted, long got) {
        if (got != wanted) {
            tally(1);
        }
    }

    static void tally(int what) {
        notes.setAtIndex(JAVA_LONG, what, notes.getAtIndex(JAVA_LONG, what) + 1);
    }

    // ---- between Java and C

    static final Linker LINKER = Linker.nativeLinker();

    static MemorySegment java(String method) throws ReflectiveOperationException {
        MethodHandle handle = MethodHandles.lookup()
            .findStatic(JavaFrames.class, method, MethodType.methodType(long.class, long.class));
        return LINKER.upcallStub(handle, FunctionDescriptor.of(JAVA_LONG, JAVA_LONG), Arena.global());
    }

    static void bind(SymbolLookup c) {
        var taking = FunctionDescriptor.of(JAVA_LONG, JAVA_LONG);
        yield = LINKER.downcallHandle(c.findOrThrow("yield_thread"), FunctionDescriptor.ofVoid());
        callWhereTheyStand = LINKER.downcallHandle(
            c.findOrThrow("call_where_they_stand"), FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_INT));
        callByTheBaseThread = LINKER.downcallHandle(
            c.findOrThrow("call_by_the_base_thread"), FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG));
        wholeSchedule = LINKER.downcallHandle(c.findOrThrow("whole_schedule"), taking);
        critical = LINKER.downcallHandle(c.findOrThrow("whole_schedule"), taking, Linker.Option.critical(false));
    }

    public static void main(String[] words) throws Exception {
        bind(SymbolLookup.libraryLookup(Path.of(words[0]), Arena.global()));
        try (var file = FileChannel.open(Path.of(words[1]), CREATE, READ, WRITE)) {
            notes = file.map(FileChannel.MapMode.READ_WRITE, 0, 32, Arena.global());
        }
        rounds = Long.parseLong(words[3]);
        inside = Integer.parseInt(words[4]);
        var thread = new Thread(null, () -> start(words[2]), "the OS thread", 16 << 20);
        thread.start();
        thread.join();
    }

    static void start(String what) {
        try {
            yieldThread();
            StackWalker.getInstance().walk(frames -> frames.count()); // its classes begin here, where there is room
            home(what);
            System.out.println("came home");
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(3);
        }
    }
}
