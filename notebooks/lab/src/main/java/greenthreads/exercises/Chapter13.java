package greenthreads.exercises;

import greenthreads.lab.base.LabException;
import greenthreads.lab.inspect.ThreadDump;
import greenthreads.lab.show.Check;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import jdk.management.VirtualThreadSchedulerMXBean;

/** From here to Loom. */
final class Chapter13 extends Chapter {
  Chapter13() {
    super(Chapter13::generator, Chapter13::pinned, Chapter13::fair);
  }

  private static final Predicate<Object> OTHERWISE = seen -> true;

  // ------------------------------------------------------------ 13.1: a generator in Java

  /** A generator's body is given what takes its values. */
  private interface Generators extends Function<Consumer<Consumer<Object>>, Iterator<Object>> {}

  private static final int FAR_TOO_MANY = 1_000;
  private static final String SEE_ABOVE = "see the lines above";

  private static void generator(Given given) {
    Function<Consumer<Consumer<Object>>, Iterator<Object>> answer = given.get(0);
    Generators generate =
        body -> {
          Iterator<Object> values = answer.apply(body);
          if (values == null) {
            throw new LabException("generate has returned null: it has to return an Iterator");
          }
          return values;
        };
    Check.exercise("13.1")
        .expect("what it gives", List.of(1L, 2L, 3L), () -> all(generate.apply(upTo(3))))
        .cause(
            seen -> seen.equals("IllegalStateException"),
            "a continuation that has finished must not be run again: isDone says so")
        .cause(seen -> seen.equals(List.of()), "it gives nothing: next to nothing is there yet")
        .cause(
            seen -> seen.equals(List.of(1L)),
            "it gives one value and no more: let the continuation go on for the next one")
        .cause(
            seen -> seen instanceof List<?> list && list.contains(null),
            "there is a null behind the last one: the body has come to its end, and gave nothing")
        .cause(
            seen -> seen instanceof List<?> list && list.size() > 3,
            "it gives values twice: when next has handed one out, it is no longer there")
        .cause(
            seen -> seen instanceof List<?> list && list.size() < 3,
            "values are lost: hasNext lets the body go on only if no value is there")
        .cause(OTHERWISE, "the order is the body's")
        .expect("values given before anybody asks", 0, () -> givenBefore(generate, 0))
        .cause(
            seen -> seen instanceof Integer n && n > 1,
            "all were worked out in advance: the body has to stop at each")
        .cause(OTHERWISE, "the body runs before anybody asks: run it in hasNext")
        .expect("values given for the first one", 1, () -> givenBefore(generate, 1))
        .cause(
            seen -> seen instanceof Integer n && n > 2,
            "all were worked out in advance: the body has to stop at each")
        .cause(seen -> seen.equals(2), "it works one value ahead: let it go on when it is asked")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("hasNext, three times, then next", 1L, () -> askedThrice(generate))
        .cause(
            seen -> seen instanceof Long n && n > 1,
            "each hasNext lets the body go on: only if no value is there")
        .cause(OTHERWISE, SEE_ABOVE)
        .expect("next, without hasNext", List.of(1L, 2L, 3L), () -> nextOnly(generate))
        .cause(OTHERWISE, "next must not rely on a hasNext before it: call it yourself")
        .expect("next behind the last one", "NoSuchElementException", () -> behindTheEnd(generate))
        .cause(
            seen -> seen.equals("IllegalStateException"),
            "a continuation that has finished must not be run again: isDone says so")
        .cause(OTHERWISE, "an iterator that has no more throws a NoSuchElementException")
        .expect(
            "null is a value",
            Collections.singletonList(null),
            () -> all(generate.apply(give -> give.accept(null))))
        .cause(
            seen -> seen instanceof List<?> list && list.size() > 1,
            "it never says that it is over")
        .cause(
            OTHERWISE,
            "it takes null for \"no value\": a boolean beside it says whether one is there")
        .expect("what the body throws", "boom", () -> thrown(generate))
        .cause(
            seen -> seen.equals("hasNext said false") || seen.equals("hasNext said true"),
            "it was lost, or the body did not run: whoever asks for the value has to be told")
        .cause(OTHERWISE, "whoever asks for the value gets what the body has thrown, as it is")
        .expect("two at a time, in turn", List.of(1L, 1L, 2L, 2L), () -> inTurn(generate))
        .cause(OTHERWISE, "they disturb each other: each needs variables of its own")
        .expect("one inside the other", List.of(1L, 2L, 3L), () -> inside(generate))
        .cause(
            OTHERWISE,
            "the inner one was stopped in place of the outer one: with a scope of its own each stops"
                + " only itself")
        .verdict();
  }

  private static Consumer<Consumer<Object>> upTo(long last) {
    return give -> {
      for (long n = 1; n <= last; n++) {
        give.accept(n);
      }
    };
  }

  /** Its values; not more than any right answer gives. */
  private static Object all(Iterator<Object> values) {
    var all = new ArrayList<>();
    try {
      while (values.hasNext() && all.size() < 10) {
        all.add(values.next());
      }
    } catch (IllegalStateException e) {
      return e.getClass().getSimpleName();
    } catch (NoSuchElementException e) {
      return "hasNext said yes, and next has none";
    }
    return all;
  }

  private static int givenBefore(Generators generate, int asked) {
    int[] count = {0};
    Iterator<Object> values =
        generate.apply(give -> {
          while (count[0] < FAR_TOO_MANY) {
            count[0]++;
            give.accept(count[0]);
          }
        });
    for (int i = 0; i < asked; i++) {
      values.hasNext();
      values.next();
    }
    return count[0];
  }

  private static Object askedThrice(Generators generate) {
    Iterator<Object> values = generate.apply(upTo(3));
    boolean every = values.hasNext() & values.hasNext() & values.hasNext();
    return every ? values.next() : "hasNext says no";
  }

  private static Object nextOnly(Generators generate) {
    Iterator<Object> values = generate.apply(upTo(3));
    try {
      return List.of(values.next(), values.next(), values.next());
    } catch (NoSuchElementException e) {
      return "next has none";
    }
  }

  private static String behindTheEnd(Generators generate) {
    Iterator<Object> values = generate.apply(upTo(1));
    all(values);
    try {
      return "it gave " + values.next();
    } catch (NoSuchElementException | IllegalStateException e) {
      return e.getClass().getSimpleName();
    }
  }

  private static String thrown(Generators generate) {
    Iterator<Object> values =
        generate.apply(give -> {
          throw new IllegalArgumentException("boom");
        });
    try {
      return "hasNext said " + values.hasNext();
    } catch (IllegalArgumentException e) {
      return e.getMessage();
    } catch (RuntimeException e) {
      return e.toString();
    }
  }

  private static List<Object> inTurn(Generators generate) {
    Iterator<Object> one = generate.apply(upTo(3));
    Iterator<Object> other = generate.apply(upTo(3));
    return List.of(one.next(), other.next(), one.next(), other.next());
  }

  /** The outer one's values are given by the inner one's body. */
  private static Object inside(Generators generate) {
    return all(
        generate.apply(give -> {
          Iterator<Object> inner =
              generate.apply(give2 -> {
                give.accept(1L);
                give2.accept(2L);
                give.accept(3L);
              });
          while (inner.hasNext()) {
            give.accept(inner.next());
          }
        }));
  }

  // ------------------------------------------------------------ 13.2: who is pinned?

  /** What the threads of a scene do. */
  private enum Role {
    WAITS,
    WAITS_WITH_A_LOCK,
    RUNS,
    PINNED,
    PINNED_AT_A_LOCK,
    PINNED_FOR_A_TIME,
    OS_THREAD
  }

  /**
   * Virtual threads that wait, and how: the reader sees them only in the dump. Who plays which role
   * is decided anew for each scene.
   */
  private static final class Scene implements AutoCloseable {
    private static final int CARRIERS = 6;
    private static final List<String> NAMES =
        List.of("Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gil");
    private final VirtualThreadSchedulerMXBean scheduler =
        ManagementFactory.getPlatformMXBean(VirtualThreadSchedulerMXBean.class);
    private final int before = scheduler.getParallelism();
    private final List<Thread> threads = new ArrayList<>();
    private final CountDownLatch end = new CountDownLatch(1);
    private final Object taken = new Object();
    private final Map<Role, String> names = new EnumMap<>(Role.class);
    private volatile boolean over;

    Scene() throws InterruptedException {
      var shuffled = new ArrayList<>(NAMES);
      Collections.shuffle(shuffled);
      for (Role role : Role.values()) {
        names.put(role, shuffled.get(role.ordinal()));
      }
      scheduler.setParallelism(CARRIERS);
      var ready = new CountDownLatch(1);
      threads.add(
          Thread.ofPlatform()
              .name(named(Role.OS_THREAD))
              .daemon()
              .start(() -> {
                synchronized (taken) {
                  ready.countDown();
                  await();
                }
              }));
      ready.await();
      virtual(Role.WAITS, this::await);
      virtual(
          Role.WAITS_WITH_A_LOCK,
          () -> {
            synchronized (new Object()) {
              // Java's sort is Java: its comparison can leave
              new ArrayList<>(List.of(1, 2)).sort((one, other) -> waitInComparison());
            }
          });
      virtual(
          Role.RUNS,
          () ->
              inside(() -> {
                while (!over) {
                  Thread.onSpinWait();
                }
              }));
      virtual(Role.PINNED, () -> inside(this::await));
      virtual(
          Role.PINNED_AT_A_LOCK,
          () ->
              inside(() -> {
                synchronized (taken) {
                  threads.size(); // what is done with the lock does not matter
                }
              }));
      virtual(
          Role.PINNED_FOR_A_TIME,
          () -> inside(() -> LockSupport.parkNanos(this, 3_600_000_000_000L)));
    }

    String named(Role role) {
      return names.get(role);
    }

    private int waitInComparison() {
      await();
      return 0;
    }

    private void virtual(Role role, Runnable task) {
      threads.add(Thread.ofVirtual().name(named(role)).start(task));
    }

    private void await() {
      try {
        end.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    /** Called by C, which is called by Java. */
    private static void inside(Runnable task) {
      try (Arena arena = Arena.ofConfined()) {
        Linker linker = Linker.nativeLinker();
        MethodHandle sort =
            linker.downcallHandle(
                linker.defaultLookup().findOrThrow("qsort"),
                FunctionDescriptor.ofVoid(
                    ValueLayout.ADDRESS,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.ADDRESS));
        MethodHandle compare =
            MethodHandles.lookup()
                .findStatic(
                    Scene.class,
                    "compare",
                    MethodType.methodType(
                        int.class, Runnable.class, MemorySegment.class, MemorySegment.class))
                .bindTo(task);
        MemorySegment upcall =
            linker.upcallStub(
                compare,
                FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS),
                arena);
        sort.invokeExact(arena.allocate(16), 2L, 8L, upcall);
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }

    private static int compare(Runnable task, MemorySegment one, MemorySegment other) {
      task.run();
      return 0;
    }

    /** A dump in which each of them has come to where it waits. */
    ThreadDump dump() throws InterruptedException {
      BooleanSupplier there =
          () ->
              ThreadDump.now().of(NAMES.toArray(String[]::new)).threads().stream()
                  .filter(one -> !one.name().equals(named(Role.RUNS)))
                  .noneMatch(one -> one.state().equals("RUNNABLE"));
      for (int i = 0; i < 200 && !there.getAsBoolean(); i++) {
        Thread.sleep(10);
      }
      var shown = new ArrayList<>(NAMES);
      shown.add("ForkJoinPool");
      return ThreadDump.now().of(shown.toArray(String[]::new));
    }

    @Override
    public void close() {
      over = true;
      end.countDown();
      threads.forEach(LockSupport::unpark);
      for (Thread each : threads) {
        boolean interrupted = false;
        while (each.isAlive()) {
          try {
            each.join();
          } catch (InterruptedException e) {
            interrupted = true;
          }
        }
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
      scheduler.setParallelism(before);
    }
  }

  private static void pinned(Given given) {
    Function<ThreadDump.Seen, Boolean> answer = given.get(0);
    List<ThreadDump.Seen> dump;
    Function<Role, String> who;
    try (Scene scene = new Scene()) {
      dump = scene.dump().threads();
      who = scene::named;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    String waits = who.apply(Role.WAITS);
    String waitsToo = who.apply(Role.WAITS_WITH_A_LOCK);
    String runs = who.apply(Role.RUNS);
    String parked = who.apply(Role.PINNED);
    String blocked = who.apply(Role.PINNED_AT_A_LOCK);
    String timed = who.apply(Role.PINNED_FOR_A_TIME);
    Check.exercise("13.2")
        .expect(
            "who is pinned", inOrder(List.of(parked, blocked, timed)), () -> named(dump, answer))
        .cause(seen -> seen.equals("nobody"), "you find nobody, and three of them are")
        .cause(
            has(who.apply(Role.OS_THREAD)).or(has("ForkJoin")),
            "an OS thread is no virtual one: it stands on its own stack and holds up no carrier")
        .cause(
            has(runs),
            runs
                + " runs: that is what a carrier is for. Pinned is who waits and is mounted all the"
                + " same")
        .cause(
            has(waits).or(has(waitsToo)),
            waits
                + " and "
                + waitsToo
                + " wait without a carrier: to wait is no harm, if one is unmounted")
        .cause(
            has(blocked).negate().and(has(parked)),
            blocked + " waits for a lock, and the state is BLOCKED: that holds a carrier as well")
        .cause(
            has(timed).negate().or(has(parked).negate()),
            "there are two ways to wait in parked threads, with a time limit and without: WAITING"
                + " and TIMED_WAITING")
        .cause(OTHERWISE, "pinned is who is virtual, mounted, and waits")
        .verdict();
  }

  private static Predicate<Object> has(String name) {
    return seen -> seen instanceof String names && names.contains(name);
  }

  private static String named(
      List<ThreadDump.Seen> dump, Function<ThreadDump.Seen, Boolean> answer) {
    var names = new ArrayList<String>();
    for (ThreadDump.Seen one : dump) {
      if (answer.apply(one)) {
        names.add(one.name());
      }
    }
    return names.isEmpty() ? "nobody" : inOrder(names);
  }

  private static String inOrder(List<String> names) {
    return String.join(", ", names.stream().sorted().toList());
  }

  // ------------------------------------------------------------ 13.3: a fair scheduler

  private static void fair(Given given) {
    BiFunction<List<String>, List<String>, Integer> answer = given.get(0);
    BiFunction<List<String>, List<String>, Integer> next =
        (ready, ran) -> answer.apply(ownCopies(ready), ownCopies(ran));
    Check.exercise("13.3")
        .<Map<String, Integer>>demand(
            "60 turns, of which A has 8 threads, B one and C one",
            "{A=20, B=20, C=20}",
            turns -> turns.equals(Map.of("A", 20, "B", 20, "C", 20)),
            () -> shares(next, List.of("A", "A", "A", "A", "A", "A", "A", "A", "B", "C"), 60))
        .cause(
            share("A", 45, 51),
            "that is round robin: A has eight turns in ten, for its eight threads. An owner counts,"
                + " not a thread. (And what is returned is a place in `ready`, of no other list.)")
        .cause(share("A", 60, 60), "A has all of the turns, and the others starve")
        .cause(
            share("A", 52, 59),
            "who began first has nearly all later turns: look at its last turn, not at its first")
        .cause(share("A", 0, 0), "A has none of the turns, and starves")
        .cause(OTHERWISE, "each owner who has a thread ready gets as many turns as any other")
        .expect("C comes after 30 turns of A and B: the next six", "CABCAB", () -> late(next))
        .cause(
            text("CCCCCC"),
            "C makes up for all the turns it did not have, and the others wait: not the number of"
                + " turns counts, but how long ago the last one was")
        .cause(text("ABABAB"), "C never has a turn: who never had one waits longest")
        .cause(
            OTHERWISE, "the one whose last turn lies longest ago is next; who never had one, first")
        .expect(
            "B, A and B are ready, and nobody had a turn",
            0,
            () -> next.apply(List.of("B", "A", "B"), List.of()))
        .cause(
            index(-1),
            "-1 is no place in the list: if nobody had a turn yet, all have waited equally long")
        .cause(OTHERWISE, "equally long: then the one that is ready longest, the first in the list")
        .expect(
            "which of B's two threads",
            1,
            () -> next.apply(List.of("A", "B", "B"), List.of("B", "A")))
        .cause(
            index(2),
            "B's later one: of one owner's threads the first in the list is ready longest")
        .cause(index(0), "A had its turn after B")
        .cause(OTHERWISE, "a place in the list of those who are ready")
        .expect("only A is ready", 0, () -> next.apply(List.of("A"), List.of("A", "A", "A")))
        .cause(OTHERWISE, "who is alone goes on, however much it had")
        .verdict();
  }

  /** Names that are equal, and no two of them the same object; nobody may change the list. */
  private static List<String> ownCopies(List<String> names) {
    return names.stream().map(String::new).toList();
  }

  private static Predicate<Object> share(String owner, int least, int most) {
    return seen ->
        seen instanceof Map<?, ?> turns
            && turns.get(owner) instanceof Integer n
            && n >= least
            && n <= most;
  }

  private static Predicate<Object> text(String text) {
    return seen -> seen.equals(text);
  }

  private static Predicate<Object> index(int index) {
    return seen -> seen.equals(index);
  }

  /** Threads that never end, each ready again at the end of the list. */
  private static Map<String, Integer> shares(
      BiFunction<List<String>, List<String>, Integer> next, List<String> threads, int turns) {
    var count = new HashMap<String, Integer>();
    threads.forEach(owner -> count.putIfAbsent(owner, 0));
    run(next, new ArrayList<>(threads), new ArrayList<>(), turns)
        .forEach(owner -> count.merge(owner, 1, Integer::sum));
    return new java.util.TreeMap<>(count);
  }

  private static String late(BiFunction<List<String>, List<String>, Integer> next) {
    var ready = new ArrayList<>(List.of("A", "B"));
    var ran = new ArrayList<String>();
    for (int i = 0; i < 15; i++) {
      ran.add("A");
      ran.add("B");
    }
    ready.add("C");
    return String.join("", run(next, ready, ran, 6));
  }

  private static List<String> run(
      BiFunction<List<String>, List<String>, Integer> next,
      List<String> ready,
      List<String> ran,
      int turns) {
    var mine = new ArrayList<String>();
    for (int i = 0; i < turns; i++) {
      int place = next.apply(ready, ran);
      if (place < 0 || place >= ready.size()) {
        throw new LabException(
            "next says %d, and there are only the places 0 to %d in `ready`"
                .formatted(place, ready.size() - 1));
      }
      String owner = ready.remove(place);
      ready.add(owner);
      ran.add(owner);
      mine.add(owner);
    }
    return mine;
  }
}
