/*
 * GreenThreads.java: green threads in Java, the whole of it.
 *
 * The functions are those of native/07-the-runtime-in-200-lines.c, under the
 * same names as far as Java's habits permit. What is missing is the switch and
 * the forged stack: their places take the JDK's own Continuation.
 *
 * Alone:  java --add-exports java.base/jdk.internal.vm=ALL-UNNAMED GreenThreads.java
 */
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import jdk.internal.vm.Continuation;
import jdk.internal.vm.ContinuationScope;

/** A runtime. Any number of them may exist; one OS thread at a time may be inside run. */
class GreenThreads {
    private static final ContinuationScope SCOPE = new ContinuationScope("green threads");

    /** Whose threads have the processor: set by run, for as long as it lasts. */
    static GreenThreads running;

    /** The base thread: the one that calls run. Its frames stay on the stack it came with. */
    final GreenThread base = new GreenThread(0, null);
    GreenThread current = base;
    private int made, waiting;

    /**
     * The state of a thread is where it is. Ready threads are in a ring, in the order of their
     * turns, and so is the current one. Who is in no ring waits, or has finished.
     */
    static class GreenThread {
        final int id;
        private final Continuation continuation;     // in C: sp, where its frames are
        private final List<GreenThread> waiters = new ArrayList<>();
        GreenThread next = this, previous = this;
        boolean waits, finished;
        private Object result;
        private Throwable failure;

        private GreenThread(int id, Runnable entry) {
            this.id = id;
            continuation = entry == null ? null : new Continuation(SCOPE, entry);
        }

        public String toString() {
            return id == 0 ? "base thread" : "thread " + id;
        }
    }

    // ----- yield
    /** Lets `next` run. In C that is a switch. Here the current thread goes back to run, and says who is next. */
    private void resume(GreenThread next) {
        GreenThread old = current;
        current = next;
        try {
            Continuation.yield(SCOPE);
        } catch (IllegalStateException pinned) {     // it cannot leave: it stays, and is ready
            current = old;
            if (old.waits) ready(old, next);
            throw pinned;
        }
    }

    /** What a thread calls to let others run. It goes on after a turn of all that are ready. */
    static void yieldThread() {
        running.resume(thread().next);
    }

    /** The current thread. */
    static GreenThread thread() {
        if (running == null) throw new IllegalStateException("only a green thread can call this: no runtime runs");
        return running.current;
    }

    // ----- the ring
    /** Puts a thread in, right before `place`. */
    private static void joinRing(GreenThread t, GreenThread place) {
        t.next = place;
        t.previous = place.previous;
        place.previous = t.previous.next = t;
    }

    /** Takes the current thread out. Returns who is to go on: the next one, or after the last one the base thread. */
    private GreenThread leaveRing() {
        GreenThread old = current, next = old.next;
        next.previous = old.previous;
        old.previous.next = next;
        old.next = old.previous = old;
        return next != old ? next : base;
    }

    // ----- to wait, which chapter 09 added
    /** The current thread leaves the ring, until somebody wakes it. */
    static void park() {
        GreenThread me = thread();
        me.waits = true;
        running.waiting++;
        running.resume(running.leaveRing());
    }

    /** Lets a thread that waits go on, after a turn of all that are ready. Another one it leaves alone. */
    void wake(GreenThread t) {
        if (t.waits) ready(t, current);
    }

    private void ready(GreenThread t, GreenThread place) {
        t.waits = false;
        waiting--;
        joinRing(t, place);
    }

    /** Waits until a thread has finished. Returns what it returned, or throws what it threw. */
    static Object join(GreenThread t) {
        if (t == thread()) throw new IllegalStateException(t + " would wait for itself");
        while (!t.finished) {
            t.waiters.add(running.current);
            park();
        }
        if (t.failure != null) throw new IllegalStateException(t + " failed: " + t.failure, t.failure);
        return t.result;
    }

    // ----- the end of a thread, and its beginning
    /** Ends the current thread. There is no switch: the continuation comes to its end, and run goes on. */
    private void tReturn() {
        GreenThread old = current;
        old.finished = true;
        old.waiters.forEach(this::wake);
        current = leaveRing();
    }

    /** Where every thread begins: it calls the thread's function. */
    private void threadEntry(Callable<?> function) {
        GreenThread self = current;
        try {
            self.result = function.call();
        } catch (Throwable failure) {
            self.failure = failure;
            if (self.waiters.isEmpty()) System.err.println(self + " failed: " + failure);   // nobody joins yet
        }
        tReturn();
    }

    /** Makes a thread that will call `function`, after a turn of all that are ready now. */
    GreenThread spawn(Callable<?> function) {
        GreenThread t = new GreenThread(++made, () -> threadEntry(function));
        joinRing(t, current);                        // right before the current one: the last of a round
        return t;
    }

    // ----- a run
    /** Lets all threads run until nobody is ready. Returns how many wait: for ever, unless somebody wakes them. */
    int run() {
        if (current != base) throw new IllegalStateException("this runtime runs already");
        GreenThreads outer = running;
        running = this;
        try {
            switched(base, base.next);
            for (current = leaveRing(); current != base; ) {
                GreenThread ran = current;
                ran.continuation.run();              // comes back when it yields, waits, or has finished
                switched(ran, current);
            }
        } finally {
            running = outer;
        }
        return waiting;
    }

    /** Called at each switch, for whoever wants to watch: who ran, and who runs next. */
    void switched(GreenThread from, GreenThread to) {}

    // ----- the book's example
    static Object count(int id, int end) {
        System.out.printf("THREAD %d STARTING%n", id);
        for (int i = 0; i < end; i++) {
            System.out.printf("thread: %d counter: %d%n", id, i);
            yieldThread();
        }
        System.out.printf("THREAD %d FINISHED%n", id);
        return end;
    }

    public static void main(String... words) {
        GreenThreads r = new GreenThreads();
        r.spawn(() -> count(1, 10));
        r.spawn(() -> count(2, 15));
        r.run();
    }
}
