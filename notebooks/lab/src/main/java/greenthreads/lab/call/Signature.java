package greenthreads.lab.call;

import greenthreads.lab.base.LabException;
import greenthreads.lab.binary.CFunction;
import greenthreads.lab.binary.CType;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One method of a reader's interface, seen as a native function.
 *
 * @param method the interface's method
 * @param result what it returns
 * @param parameters what it takes
 */
public record Signature(Method method, JavaType result, List<JavaType> parameters) {
  /**
   * @throws LabException if the method uses a type that has no counterpart in C
   */
  public static Signature of(Method method) {
    var parameters = Arrays.stream(method.getParameterTypes()).map(t -> type(method, t)).toList();
    return new Signature(method, type(method, method.getReturnType()), parameters);
  }

  private static JavaType type(Method method, Class<?> carrier) {
    return JavaType.of(carrier)
        .orElseThrow(() ->
            new LabException(
                "%s cannot be bound: Java's %s has no counterpart in C.\nUse one of: %s."
                    .formatted(java(method), carrier.getSimpleName(), JavaType.known())));
  }

  public String name() {
    return method.getName();
  }

  public FunctionDescriptor descriptor() {
    MemoryLayout[] layouts = parameters.stream().map(JavaType::layout).toArray(MemoryLayout[]::new);
    return result == JavaType.VOID
        ? FunctionDescriptor.ofVoid(layouts)
        : FunctionDescriptor.of(result.layout(), layouts);
  }

  /** The method as the reader wrote it: {@code int add(int, int)}. */
  public String java() {
    return java(method);
  }

  private static String java(Method method) {
    return Arrays.stream(method.getParameterTypes())
        .map(Class::getSimpleName)
        .collect(
            Collectors.joining(
                ", ", method.getReturnType().getSimpleName() + " " + method.getName() + "(", ")"));
  }

  /**
   * Compares this method with what the C compiler said of the function.
   *
   * @return what is wrong, naming both sides; empty if they agree
   */
  public Optional<String> disagreement(CFunction function) {
    var points = new ArrayList<String>();
    if (!result.matches(function.result())) {
      points.add(
          "the result: Java says %s, C says %s; %s."
              .formatted(
                  method.getReturnType().getSimpleName(),
                  function.result().spelling(),
                  JavaType.advice(function.result())));
    }
    List<CFunction.Parameter> theirs = function.parameters();
    if (!function.prototyped() && theirs.isEmpty()) {
      // `int f()` says nothing of its parameters before C23.
    } else if (function.variadic() && parameters.size() < theirs.size()) {
      points.add(
          "the number of arguments: Java passes %d, C takes %d and any number of others."
              .formatted(parameters.size(), theirs.size()));
    } else if (!function.variadic() && theirs.size() != parameters.size()) {
      points.add(
          "the number of arguments: Java passes %d, C takes %d."
              .formatted(parameters.size(), theirs.size()));
    } else {
      for (int i = theirs.size(); i < parameters.size(); i++) {
        if (promoted(parameters.get(i))) {
          points.add(
              "argument %d: where C says `...`, it takes an int for anything smaller and a double for a float; use %s."
                  .formatted(i + 1, parameters.get(i) == JavaType.FLOAT ? "double" : "int"));
        }
      }
      for (int i = 0; i < theirs.size(); i++) {
        CType type = theirs.get(i).type();
        if (!parameters.get(i).matches(type)) {
          points.add(
              "argument %d (%s): Java says %s, C says %s; %s."
                  .formatted(
                      i + 1,
                      theirs.get(i).name(),
                      method.getParameterTypes()[i].getSimpleName(),
                      type.spelling(),
                      JavaType.advice(type)));
        }
      }
    }
    return points.isEmpty() ? Optional.empty() : Optional.of(report(function, points));
  }

  /** Whether C passes this type as a larger one where the prototype says nothing of it. */
  private static boolean promoted(JavaType type) {
    return switch (type) {
      case BOOLEAN, BYTE, SHORT, FLOAT -> true;
      default -> false;
    };
  }

  private String report(CFunction function, List<String> points) {
    return "The two sides of `%s` disagree.\n  Java: %s   (interface %s)\n  C:    %s   (%s)\n  %s"
        .formatted(
            name(),
            java(),
            method.getDeclaringClass().getSimpleName(),
            function,
            function.place(),
            String.join("\n  ", points));
  }
}
