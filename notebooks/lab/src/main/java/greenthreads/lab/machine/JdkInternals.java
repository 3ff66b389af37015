package greenthreads.lab.machine;

import greenthreads.lab.base.LabException;

/** What chapter 13 needs of the JDK that the JDK keeps to itself, and how a kernel is given it. */
public final class JdkInternals {
  private static final String EXPORTS = "--add-exports java.base/jdk.internal.vm=ALL-UNNAMED";
  private static final String OPENS = "--add-opens java.base/java.lang=ALL-UNNAMED";

  private JdkInternals() {}

  /**
   * Looks whether cells can use {@code jdk.internal.vm.Continuation}: those who compile them must
   * see it, and so must the JVM that runs them.
   *
   * @throws LabException if not, saying where which option goes
   */
  public static void needed() {
    String missing = missing(exported(), System.getenv("IJAVA_COMPILER_OPTS"));
    if (!missing.isEmpty()) {
      throw new LabException(missing);
    }
  }

  private static boolean exported() {
    return Object.class.getModule().isExported("jdk.internal.vm", JdkInternals.class.getModule());
  }

  /**
   * What a reader has to do; empty if there is nothing.
   *
   * @param exported whether this JVM exports the package to those in no module
   * @param options what javac is given for each cell; null for nothing
   */
  static String missing(boolean exported, String options) {
    boolean compiled =
        options != null && options.matches(".*--add-exports[ =]java\\.base/jdk\\.internal\\.vm=.*");
    if (exported && compiled) {
      return "";
    }
    String what = !exported && !compiled ? "neither is" : "one of the two is not";
    return """
    This kernel cannot use the JDK's continuations: they are in a package of java.base that is
    not exported. Two must be told to let cells see it, and %s.
    %s the Java that runs this kernel: %s
    %s the compiler of the cells, in the environment: IJAVA_COMPILER_OPTS="%s"
    ./build.sh kernel makes a kernel that has both. For one of your own: the option of Java goes
    into its kernel.json, in "argv" right behind java, or into the environment variable
    JDK_JAVA_OPTIONS; IJAVA_COMPILER_OPTS goes into "env" of the same file. With this one besides
    the chapter can also put a scheduler of its own under virtual threads: %s
    Then restart the kernel.\
    """
        .formatted(what, mark(exported), EXPORTS, mark(compiled), EXPORTS, OPENS);
  }

  private static String mark(boolean there) {
    return there ? "  has it: " : "  missing:";
  }
}
