package greenthreads.lab.bind;

import greenthreads.lab.base.LabException;
import greenthreads.lab.crash.CrashReport;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.isolate.CallShape;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.IsolatedRun;
import greenthreads.lab.isolate.IsolationTools;
import greenthreads.lab.isolate.Outcome;
import greenthreads.lab.isolate.OutputLimit;
import greenthreads.lab.show.Cell;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.time.Duration;

/**
 * Makes the calls of a bound interface in processes of their own, one for each call.
 *
 * <p>Each process loads the library afresh: global variables start anew at every call, and nothing
 * that happens there can hurt this process.
 */
public final class Isolation implements InvocationHandler {
  private final IsolationTools tools;
  private final Bound bound;
  private final Duration limit;

  private Isolation(IsolationTools tools, Bound bound, Duration limit) {
    this.tools = tools;
    this.bound = bound;
    this.limit = limit;
  }

  /**
   * @param object what {@code Lab.load(String, Class, String...)} or {@link Library#bind} returned
   * @throws LabException if it is something else, or the limit is not positive
   */
  public static <T> T of(IsolationTools tools, T object, Duration limit) {
    if (limit.isNegative() || limit.isZero()) {
      throw new LabException(
          "A time limit of %s leaves no time to run. Give it more."
              .formatted(limit.isZero() ? "zero" : "less than zero"));
    }
    Bound bound =
        Bound.of(object)
            .orElseThrow(() ->
                new LabException(
                    object == null
                        ? "Lab.isolate was given null: the cell that loads the library has not"
                            + " run, or it failed. Run it first."
                        : "Lab.isolate wants what Lab.load(name, type) returned, not a "
                            + object.getClass().getSimpleName()
                            + "."));
    @SuppressWarnings("unchecked") // the object implements the interface it was bound to
    T isolated =
        (T)
            Proxy.newProxyInstance(
                bound.type().getClassLoader(),
                new Class<?>[] {bound.type()},
                new Isolation(tools, bound, limit));
    return isolated;
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    if (method.getDeclaringClass() == Object.class) {
      return switch (method.getName()) {
        case "toString" -> "isolated " + bound.type().getSimpleName();
        case "hashCode" -> System.identityHashCode(proxy);
        default -> proxy == arguments[0];
      };
    }
    if (method.isDefault()) {
      return InvocationHandler.invokeDefault(proxy, method, arguments);
    }
    return call(method, arguments);
  }

  private Object call(Method method, Object[] arguments) {
    Library library = bound.library().get().checked();
    String function = method.getName();
    var callee = library.callee(function);
    var output = new OutputLimit(System.out::print, System.err::print);
    Outcome outcome;
    try {
      outcome =
          IsolatedRun.call(tools.host(), callee, CallShape.of(method), arguments, limit, output);
    } finally {
      output.finish();
    }
    return switch (outcome) {
      case Outcome.Returned returned -> {
        returned.warnings().forEach(Cell::say);
        yield returned.value();
      }
      case Outcome.Crashed crashed -> throw ended(crashed.crash());
      case Outcome.TimedOut timedOut -> throw ended(timedOut.crash());
      case Outcome.Exited exited -> throw ended(exited.crash());
      case Outcome.Interrupted interrupted ->
          throw new LabException(
              "Interrupted: the isolated run of `%s` was ended, with all it had started."
                  .formatted(function));
    };
  }

  private NativeCrash ended(Crash crash) {
    return new NativeCrash(crash, CrashReport.of(crash, tools.disassembler()));
  }
}
