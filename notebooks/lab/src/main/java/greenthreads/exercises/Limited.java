package greenthreads.exercises;

import greenthreads.lab.Lab;
import greenthreads.lab.base.LabException;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A reader's answer in Java that must come back in time: an endless loop in it may not hold the
 * check.
 *
 * <p>All calls of one check are made by one thread of their own. When one of them does not come
 * back, the thread is interrupted and left alone, and no further call is made.
 */
final class Limited implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(5);

  private final Duration limit;
  private final ExecutorService caller =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("the reader's answer").factory());
  private volatile boolean inside;
  private volatile boolean late;

  Limited() {
    this(LIMIT);
  }

  Limited(Duration limit) {
    this.limit = limit;
  }

  /** The answer with its time limit, if it is a method; else as it is. */
  @SuppressWarnings("unchecked") // a method takes and gives what the check hands over and expects
  Object of(Object answer) {
    return switch (answer) {
      case Function<?, ?> method -> {
        var function = (Function<Object, Object>) method;
        yield (Function<Object, Object>) a -> call(() -> function.apply(a));
      }
      case BiFunction<?, ?, ?> method -> {
        var function = (BiFunction<Object, Object, Object>) method;
        yield (BiFunction<Object, Object, Object>) (a, b) -> call(() -> function.apply(a, b));
      }
      case Supplier<?> method -> (Supplier<Object>) () -> call(method);
      case Consumer<?> method -> {
        var consumer = (Consumer<Object>) method;
        yield (Consumer<Object>) a -> run(() -> consumer.accept(a));
      }
      case BiConsumer<?, ?> method -> {
        var consumer = (BiConsumer<Object, Object>) method;
        yield (BiConsumer<Object, Object>) (a, b) -> run(() -> consumer.accept(a, b));
      }
      case null, default -> answer;
    };
  }

  private void run(Runnable method) {
    call(() -> {
      method.run();
      return null;
    });
  }

  /** What the method gives; if it is an iterator, asking it has the limit too. */
  private Object call(Supplier<?> method) {
    Object result = inTime(method);
    return result instanceof Iterator<?> values ? new Values(values) : result;
  }

  private final class Values implements Iterator<Object> {
    private final Iterator<?> values;

    Values(Iterator<?> values) {
      this.values = values;
    }

    @Override
    public boolean hasNext() {
      return (Boolean) inTime(values::hasNext);
    }

    @Override
    public Object next() {
      return inTime(values::next);
    }
  }

  private Object inTime(Supplier<?> method) {
    if (late) {
      throw tooLate();
    }
    if (inside) { // a call out of a call, whose limit it shares; it may be on any thread
      return method.get();
    }
    var task = new FutureTask<Object>(method::get);
    inside = true;
    try {
      caller.execute(() -> Lab.quietly(task));
      return task.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      late = true;
      task.cancel(true);
      throw tooLate();
    } catch (InterruptedException e) {
      late = true;
      task.cancel(true);
      Thread.currentThread().interrupt();
      throw new LabException("The check was interrupted.", e);
    } catch (ExecutionException e) {
      throw Limited.<RuntimeException>asItWas(e.getCause());
    } finally {
      inside = false;
    }
  }

  private LabException tooLate() {
    return new LabException(
        ("It did not come back within %d seconds: a loop in it never ends. It may still run, and keep"
                + " a processor busy: Kernel > Restart Kernel ends it.")
            .formatted(limit.toSeconds()));
  }

  /** Any exception, thrown on as the method threw it. */
  @SuppressWarnings("unchecked")
  private static <E extends Throwable> E asItWas(Throwable thrown) throws E {
    throw (E) thrown;
  }

  @Override
  public void close() {
    caller.shutdownNow();
  }
}
