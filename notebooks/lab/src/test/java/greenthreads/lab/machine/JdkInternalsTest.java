package greenthreads.lab.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class JdkInternalsTest {
  private static final String OPTION = "--add-exports java.base/jdk.internal.vm=ALL-UNNAMED";

  @Test
  void whoHasBothIsToldNothing() {
    for (String options :
        List.of(OPTION, OPTION.replace("exports ", "exports="), "-Xlint " + OPTION + " -g")) {
      assertEquals("", JdkInternals.missing(true, options), options);
    }
  }

  @Test
  void whoHasNeitherIsToldWhereBothGo() {
    String told = JdkInternals.missing(false, null);
    assertTrue(told.contains("and neither is."), told);
    assertEquals(2, told.lines().filter(line -> line.contains("missing:")).count(), told);
    for (String word : List.of(OPTION, "IJAVA_COMPILER_OPTS", "JDK_JAVA_OPTIONS", "kernel.json")) {
      assertTrue(told.contains(word), told);
    }
  }

  @Test
  void whoHasOneIsToldWhich() {
    String compiler = JdkInternals.missing(true, "-g");
    assertTrue(compiler.contains("has it:  the Java that runs"), compiler);
    assertTrue(compiler.contains("missing: the compiler of the cells"), compiler);
    String java = JdkInternals.missing(false, OPTION);
    assertTrue(java.contains("missing: the Java that runs"), java);
    assertTrue(java.contains("has it:  the compiler of the cells"), java);
  }

  @Test
  void anotherPackageIsNotEnough() {
    String told =
        JdkInternals.missing(true, "--add-exports java.base/jdk.internal.misc=ALL-UNNAMED");
    assertTrue(told.contains("missing: the compiler of the cells"), told);
  }
}
