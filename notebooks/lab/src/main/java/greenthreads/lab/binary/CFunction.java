package greenthreads.lab.binary;

import java.util.List;

/**
 * A C function as the compiler described it.
 *
 * @param name its name in C
 * @param result the type of its result, of kind {@link CType.Kind#VOID} where there is none
 * @param parameters its parameters in order
 * @param prototyped whether the declaration says what the parameters are; {@code int f()} does not
 *     before C23
 * @param variadic whether further arguments may follow
 * @param external whether other files can call it: it is not {@code static}
 * @param file the source file as the compiler was given it, or null if it did not say
 * @param line the line of the declaration, or 0
 */
public record CFunction(
    String name,
    CType result,
    List<Parameter> parameters,
    boolean prototyped,
    boolean variadic,
    boolean external,
    String file,
    int line) {

  /**
   * A parameter.
   *
   * @param name its name, or null where the declaration gives none
   * @param type its type
   */
  public record Parameter(String name, CType type) {
    @Override
    public String toString() {
      return type.declare(name == null ? "" : name);
    }
  }

  /** Where it is declared, as compilers write it: {@code native/00-start-here.c:12}. */
  public String place() {
    return file == null ? "" : file + ":" + line;
  }

  /** The prototype in C: {@code int add(int a, int b)}. */
  @Override
  public String toString() {
    StringBuilder list = new StringBuilder();
    for (Parameter parameter : parameters) {
      list.append(list.isEmpty() ? "" : ", ").append(parameter);
    }
    if (parameters.isEmpty()) {
      list.append(prototyped ? "void" : "");
    } else if (variadic) {
      list.append(", ...");
    }
    return result.declare(name + "(" + list + ")");
  }
}
