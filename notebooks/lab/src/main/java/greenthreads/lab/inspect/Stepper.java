package greenthreads.lab.inspect;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.binary.Symbols;
import greenthreads.lab.bind.Bound;
import greenthreads.lab.bind.Library;
import greenthreads.lab.crash.CrashReport;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.isolate.CallShape;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.HostReport;
import greenthreads.lab.isolate.IsolatedRun;
import greenthreads.lab.isolate.IsolationTools;
import greenthreads.lab.isolate.Outcome;
import greenthreads.lab.isolate.OutputLimit;
import greenthreads.lab.isolate.TraceLog;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Makes one call in a process of its own and records functions in it, instruction by instruction.
 */
public final class Stepper implements InvocationHandler {
  /** More than this nobody looks at. */
  static final int MOST_STEPS = 300;

  private final IsolationTools tools;
  private final Library library;
  private final Symbols symbols;
  private final List<String> functions;
  private Steps steps;

  private Stepper(IsolationTools tools, Library library, List<String> functions) {
    this.tools = tools;
    this.library = library;
    this.symbols = library.functions();
    this.functions = functions;
  }

  /**
   * @param object what Lab.load(name, type) returned
   * @param call makes one call of it
   * @param functions what to record: functions of its library, hidden ones too
   * @throws LabException if there is no such function, or the call never entered one
   */
  public static <T> Steps step(
      IsolationTools tools, T object, Consumer<T> call, List<String> functions) {
    Bound bound =
        Bound.of(object)
            .orElseThrow(() ->
                new LabException(
                    "Lab.step wants what Lab.load(name, type) returned, not "
                        + (object == null
                            ? "null: the cell that loads the library has not run, or it failed."
                            : "a " + object.getClass().getSimpleName() + ".")));
    if (functions.isEmpty()) {
      throw new LabException("Lab.step wants the name of a function to step: \"swap\", say.");
    }
    var stepper = new Stepper(tools, bound.library().get().checked(), functions);
    @SuppressWarnings("unchecked") // the object implements the interface it was bound to
    T traced =
        (T)
            Proxy.newProxyInstance(
                bound.type().getClassLoader(), new Class<?>[] {bound.type()}, stepper);
    call.accept(traced);
    if (stepper.steps == null) {
      throw new LabException(
          "Nothing was called: the second argument of Lab.step makes a call of the first,"
              + " as in Lab.step(chapter, c -> c.run(), \""
              + functions.getFirst()
              + "\").");
    }
    return stepper.steps;
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    if (method.getDeclaringClass() == Object.class) {
      return switch (method.getName()) {
        case "toString" -> "stepped " + library;
        case "hashCode" -> System.identityHashCode(proxy);
        default -> proxy == arguments[0];
      };
    }
    if (method.isDefault()) {
      return InvocationHandler.invokeDefault(proxy, method, arguments);
    }
    if (steps != null) {
      throw new LabException("Lab.step records one call, and this is the second.");
    }
    return call(method, arguments);
  }

  private Object call(Method method, Object[] arguments) {
    String function = method.getName();
    var stepping = new IsolatedRun.Stepping(Platform.IS_MAC ? List.of() : words());
    var callee = library.callee(function);
    var output = new OutputLimit(System.out::print, System.err::print);
    Optional<StackView> before = largest(arguments).map(StackView::of);
    Outcome outcome;
    try {
      outcome =
          IsolatedRun.call(
              tools.host(),
              callee,
              CallShape.of(method),
              arguments,
              IsolatedRun.DEFAULT_LIMIT,
              output,
              stepping);
    } finally {
      output.finish();
    }
    Optional<String> crash = crash(outcome);
    HostReport report = stepping.report();
    if (report.has("traced")) {
      steps = recorded(stepping, function, crash.orElse(""));
    } else {
      String why =
          report.has("untraced")
              ? "One process cannot step another here (" + report.word("untraced") + ")"
              : "This system lets only a program that is signed for it step another one";
      steps =
          Steps.withoutSteps(functions, why, before, afterwards(report, origin(report), arguments));
    }
    return outcome instanceof Outcome.Returned returned
        ? returned.value()
        : nothing(method.getReturnType());
  }

  private Steps recorded(IsolatedRun.Stepping stepping, String function, String crash) {
    TraceLog log = TraceLog.parse(stepping.trace());
    if (log.states().isEmpty()) {
      throw new LabException(
          "`%s` ran, and never entered %s.%s"
              .formatted(
                  function,
                  String.join(" or ", functions),
                  crash.isEmpty()
                      ? "\nPerhaps the compiler has put the function into its caller: then it has"
                          + " no entry of its own."
                      : "\n" + crash));
    }
    return Steps.of(log, origin(stepping.report()), tools.disassembler(), crash);
  }

  private Steps.Origin origin(HostReport report) {
    return new Steps.Origin(
        functions,
        library.path(),
        symbols,
        report.number("library", 0).orElse(0),
        report.mappings());
  }

  /**
   * The stack that a call was given, as the call left it. What stands on it are addresses of the
   * process that made the call, where this memory was at another address.
   */
  static Optional<StackView> afterwards(
      HostReport report, Steps.Origin origin, Object[] arguments) {
    return largest(arguments)
        .map(memory -> {
          var meanings = new WordMeanings(origin.memory(), origin::place, origin::variable);
          report.arguments().stream()
              .filter(there -> arguments[there.index()] == memory)
              .map(there -> {
                long top = there.address() + there.size() & -16;
                return new WordMeanings.NamedMemory("this stack", there.address(), top, top, "top");
              })
              .forEach(meanings::with);
          return StackView.of(memory, meanings);
        });
  }

  private List<String> words() {
    var words = new ArrayList<String>();
    words.add(Integer.toString(MOST_STEPS));
    for (String name : functions) {
      Symbols.Symbol symbol =
          symbols
              .named(name)
              .orElseThrow(() ->
                  new LabException(
                      "%s has no function `%s` to step.\nIts functions: %s."
                          .formatted(library.source().title(), name, own())));
      words.add("%x-%x".formatted(symbol.start(), symbols.end(symbol)));
    }
    return words;
  }

  /** The functions that the reader may know: not those that the compiler added. */
  private String own() {
    List<String> added = List.of("deregister_tm_clones", "register_tm_clones", "frame_dummy");
    return String.join(
        ", ",
        symbols.names().stream()
            .filter(name -> !name.startsWith("_") && !added.contains(name))
            .distinct()
            .toList());
  }

  /** The first line of what is to be said of a run that did not return. */
  private Optional<String> crash(Outcome outcome) {
    Crash crash =
        switch (outcome) {
          case Outcome.Returned returned -> null;
          case Outcome.Crashed crashed -> crashed.crash();
          case Outcome.TimedOut timedOut -> timedOut.crash();
          case Outcome.Exited exited -> exited.crash();
          case Outcome.Interrupted interrupted ->
              throw new LabException("Interrupted: the stepped run was ended.");
        };
    return Optional.ofNullable(crash)
        .map(found ->
            new NativeCrash(found, CrashReport.of(found, tools.disassembler()))
                .getMessage()
                .lines()
                .findFirst()
                .orElse(""));
  }

  private static Optional<MemorySegment> largest(Object[] arguments) {
    return Arrays.stream(arguments == null ? new Object[0] : arguments)
        .filter(MemorySegment.class::isInstance)
        .map(MemorySegment.class::cast)
        .filter(segment -> segment.byteSize() >= 64)
        .max(java.util.Comparator.comparingLong(MemorySegment::byteSize));
  }

  /** What a call that did not return is taken to have returned. */
  private static Object nothing(Class<?> type) {
    if (!type.isPrimitive() || type == void.class) {
      return null;
    }
    return java.lang.reflect.Array.get(java.lang.reflect.Array.newInstance(type, 1), 0);
  }
}
