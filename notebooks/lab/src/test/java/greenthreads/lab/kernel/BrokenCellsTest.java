package greenthreads.lab.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import jdk.jshell.JShell;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BrokenCellsTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "FunctionDescriptr meanShape = FunctionDescriptor.of(JAVA_INT); | meanShape",
        "List<String> places = List.of('a', b); // int no = 1; | places",
        "int function = 32, skip = 24, guard = 16; int skipAdds = ; | function guard skip skipAdds",
        "double cores(double perSecond, double ns) { double half = 2; return half; | cores",
        "double cores(double perSecond, double ns { return 1; } | cores",
        "void adjust(MemorySegment copy, long oldLow) { long size = copy.byteSize() } | adjust",
        "Map<String, List<Integer>> all = new HashMap<>(); int[] some = {1, 2}, x | all some",
        "interface Start { int add(int a, int b) int c(); } record P(int x) {} | P Start",
        "var n = 3; n = n + 1; System.out.println(n); new Thread(); Lab.load(n) | n",
        "String s = \"int a = 1;\"; /* int b = 2; */ char c = '{'; int d | c d s",
        "for (int i = 0; i < 3; i++) { int inside = 1; } | ''",
      })
  void declaredNames(String code, String names) {
    Set<String> expected =
        names.isEmpty() ? Set.of() : new TreeSet<>(Arrays.asList(names.split(" ")));
    assertEquals(expected, new TreeSet<>(BrokenCells.declared(code)));
  }

  @Test
  void whatABrokenCellDefinedIsDropped() {
    try (JShell shell = JShell.builder().executionEngine("local").build()) {
      shell.eval("int other = 1;");
      shell.eval("int answer = 42;");
      shell.eval("int twice(int x) { return 2 * x; }");
      shell.eval("class Box {}");
      var broken = new BrokenCells();
      broken.drop(shell, "int answer = 43 int twice(int x) {} class Box {", null);
      assertEquals(1, shell.variables().count());
      assertEquals(0, shell.methods().count() + shell.types().count());
      assertTrue(broken.defining("answer").orElseThrow().startsWith("int answer = 43"));
      assertTrue(broken.defining("other").isEmpty());
      broken.mended("int answer = 42;");
      assertTrue(broken.defining("answer").isEmpty());
    }
  }

  @Test
  void whatStandsBeforeTheBadStatementIsKept() {
    try (JShell shell = JShell.builder().executionEngine("local").build()) {
      shell.eval("int first = 1;");
      shell.eval("int second = 2;");
      new BrokenCells().drop(shell, "int first = 1;\nint second = x;", "int second = x;");
      assertEquals("first", shell.variables().findFirst().orElseThrow().name());
      assertEquals(1, shell.variables().count());
    }
  }
}
