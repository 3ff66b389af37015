package greenthreads.lab.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.base.LabException;
import greenthreads.lab.compile.Assembly;
import greenthreads.lab.compile.Toolchain;
import greenthreads.lab.machine.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The plain edition of the runtime, and how any file's is made. */
class PlainListingTest {
  private static final String RUNTIME = "07-the-runtime-in-200-lines";
  private static final Path NATIVE =
      Path.of(System.getenv("GREEN_THREADS_HOME")).resolve("native").toAbsolutePath().normalize();

  @TempDir Path folder;

  // The runtime

  @ParameterizedTest
  @EnumSource(Target.class)
  void theRuntimeHasAtMost200Lines(Target target) {
    List<String> lines = PlainListing.of(NATIVE, RUNTIME, target).lines().toList();
    assertTrue(lines.size() <= 200, target + " has " + lines.size() + " lines");
    assertTrue(lines.size() > 150, "something is missing: " + lines.size() + " lines");
    for (String line : lines) {
      assertFalse(line.contains("/*") || line.contains("//"), "a comment: " + line);
      assertTrue(line.length() <= 100, "too long: " + line);
      assertFalse(line.matches("#\\s*(if|el|endif|include\\s*\").*"), "a directive: " + line);
    }
  }

  @Test
  void aMachineIsFoundByItsTitle() {
    assertEquals(Target.AARCH64_LINUX, Target.of("aarch64 linux"));
    assertEquals(Target.X86_64_MACOS, Target.of(Target.X86_64_MACOS.title));
    var thrown = assertThrows(LabException.class, () -> Target.of("VAX"));
    assertTrue(thrown.getMessage().contains("AArch64, macOS"), thrown.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"-O0", "-O1", "-O2", "-O3"})
  void theRuntimeCompilesAloneAndPrintsThe29Lines(String level) throws Exception {
    Path program = compile(compiler(), Target.here(), level);
    assertEquals(the29Lines(), run(List.of(program.toString())).lines().toList());
  }

  @Test
  void bothEditionsAreTheSameProgram() throws Exception {
    String listing = PlainListing.of(NATIVE, RUNTIME, Target.here());
    Path plain = Files.writeString(folder.resolve("plain.c"), listing);
    String one = assembly(plain);
    String other = assembly(NATIVE.resolve(RUNTIME + ".c"));
    var compared = new ArrayList<String>();
    for (SourceFile.Item item : SourceFile.parse("plain.c", listing).items()) {
      if (item.kind() == SourceFile.Kind.FUNCTION || item.kind() == SourceFile.Kind.ASSEMBLY) {
        var function = Assembly.function(one, item.name());
        assertTrue(function.isPresent(), item.name());
        assertEquals(
            code(function.get()),
            Assembly.function(other, item.name()).map(PlainListingTest::code).orElse(""),
            item.name());
        compared.add(item.name());
      }
    }
    assertTrue(
        compared.containsAll(
            List.of(
                "switch_stack",
                "yield_thread",
                "t_return",
                "thread_entry",
                "spawn",
                "run",
                "main")),
        compared.toString());
  }

  /**
   * The listing wraps a dialect in fewer directives than arch.h does for gcc, and leaves it to the
   * linker to find out that the switch is in the same program.
   */
  private static String code(String assembly) {
    return assembly.replaceAll("\n *\\.(ifdef|endif).*", "").replace("@PLT", "");
  }

  private static List<String> the29Lines() {
    var lines = new ArrayList<String>();
    for (int i = 0; i < 15; i++) {
      for (int thread = 1; thread <= 2; thread++) {
        int end = thread == 1 ? 10 : 15;
        if (i == 0) {
          lines.add("THREAD %d STARTING".formatted(thread));
        }
        if (i < end) {
          lines.add("thread: %d counter: %d".formatted(thread, i));
        }
        if (i == end) {
          lines.add("THREAD %d FINISHED".formatted(thread));
        }
      }
    }
    lines.add("THREAD 2 FINISHED");
    assertEquals(29, lines.size());
    return lines;
  }

  private static List<String> compiler() {
    return Toolchain.find(System.getenv()).command();
  }

  private Path compile(List<String> compiler, Target target, String level) throws Exception {
    // In a folder of its own: nothing of the project is beside it.
    Path source = folder.resolve("plain.c");
    Files.writeString(source, PlainListing.of(NATIVE, RUNTIME, target));
    Path program = folder.resolve("plain");
    var words = new ArrayList<>(compiler);
    words.addAll(List.of("-std=c17", level, "-Wall", "-Wextra", "-Wpedantic", "-Werror"));
    words.addAll(List.of(source.toString(), "-o", program.toString()));
    assertEquals("", run(words));
    return program;
  }

  /** Unoptimized, so that every function is there. */
  private static String assembly(Path source) throws Exception {
    var words = new ArrayList<>(compiler());
    words.addAll(List.of("-std=c17", "-O0", "-fno-asynchronous-unwind-tables", "-DPLAIN"));
    words.addAll(List.of("-DMAIN", "-S", source.toString(), "-o", "-"));
    return run(words);
  }

  private static String run(List<String> words) throws IOException, InterruptedException {
    var builder = new ProcessBuilder(words).redirectErrorStream(true);
    Process process = builder.start();
    process.getOutputStream().close();
    String said = new String(process.getInputStream().readAllBytes());
    assertTrue(process.waitFor(60, TimeUnit.SECONDS), "it does not end: " + words);
    assertEquals(0, process.exitValue(), said);
    return said;
  }

  // Any file

  private String plain(String header, String source, Target target) throws IOException {
    Files.createDirectories(folder.resolve("arch"));
    Files.writeString(folder.resolve("arch/arch.h"), header);
    Files.writeString(folder.resolve("x.c"), source);
    return PlainListing.of(folder, "x", target);
  }

  private String plain(String source) throws IOException {
    return plain("", source, Target.X86_64_LINUX);
  }

  @Test
  void leavesCommentsOut() throws IOException {
    String source =
        """
        /* a file's comment,
           long */
        int a; /* behind */ int b;
        // alone
        int c; /* over
                  two lines */
        const char *d = "/* none */", e = '"'; // one
        """;
    assertEquals(
        """
        int a;  int b;
        int c;
        const char *d = "/* none */", e = '"';
        """,
        plain(source));
  }

  @Test
  void resolvesConditionals() throws IOException {
    String source =
        """
        #ifdef MAIN
        int main;
        #endif
        #ifndef PLAIN
        int notebook;
        #else
        int plain;
        #endif
        #if defined __x86_64__ && !(defined _WIN32)
        int x86;
        #elif defined __aarch64__
        int arm;
        #else
        #error "never"
        #endif
        """;
    assertEquals("int main;\nint plain;\nint x86;\n", plain(source));
    assertEquals("int main;\nint plain;\nint arm;\n", plain("", source, Target.AARCH64_MACOS));
  }

  @Test
  void putsThePartsOfHeadersInPlaceThatAreUsed() throws IOException {
    String header =
        """
        #define USED 1
        #define UNUSED 2
        #define BEHIND 3
        struct other { int x; };
        struct used { int y[BEHIND]; };
        struct used *function(void); /* why */
        void not_used(struct other *);
        """;
    String source =
        """
        #include <stdio.h>
        #include "arch/arch.h"
        int a = USED;
        void b(void) { function(); }
        """;
    assertEquals(
        """
        #include <stdio.h>
        #define USED 1
        #define BEHIND 3
        struct used { int y[BEHIND]; };
        struct used *function(void);

        int a = USED;
        void b(void) { function(); }
        """,
        plain(header, source, Target.X86_64_LINUX));
  }

  @Test
  void writesAssemblyOut() throws IOException {
    String header =
        """
        #define TEXT_OF(x) #x
        #define TEXT(x) TEXT_OF(x)
        #define NAME(name) TEXT(__USER_LABEL_PREFIX__) #name
        #define OFFSET 0x08
        #if defined __APPLE__
        #define BEGIN(name) \\
            NAME(name) ":\\n"
        #else
        #define BEGIN(name) "  .type " NAME(name) ", %function\\n" NAME(name) ":\\n"
        #endif
        void f(void);
        __asm__(BEGIN(f)
            "   mov rax, [rdi + " TEXT(OFFSET) "]   \\n" // why
            "1: ret   \\n"
        );
        """;
    String source = "#include \"arch/arch.h\"\nint main(void) { f(); }\n";
    String linux = plain(header, source, Target.X86_64_LINUX);
    assertEquals(
        """
        void f(void);
        __asm__(
            "    .type f, %function\\n"
            "f:\\n"
            "    mov rax, [rdi + 0x08]\\n"
            "1:  ret\\n"
        );

        int main(void) { f(); }
        """,
        linux);
    assertTrue(plain(header, source, Target.X86_64_MACOS).contains("    \"_f:\\n\"\n"));
  }

  @Test
  void saysWhatItDoesNotUnderstand() {
    for (String directive : List.of("#if 1 +", "#warning no", "#error no", "#if f(1)")) {
      var error = assertThrows(LabException.class, () -> plain(directive + "\n#endif\n"));
      assertTrue(error.getMessage().startsWith("x.c: "), error.getMessage());
    }
  }

  // Macros

  private static Map<String, CMacro> macros(String... definitions) {
    var macros = new HashMap<String, CMacro>();
    for (String definition : definitions) {
      CMacro macro = CMacro.parse("#define " + definition);
      macros.put(macro.name(), macro);
    }
    return macros;
  }

  @Test
  void expandsMacrosAsAPreprocessor() {
    var macros =
        macros("A 1", "B A", "F(x, y) x-y-#x", "SELF SELF + A", "G() none", "PAIR(a) F(a, a)");
    assertEquals("1", CMacro.expand("B", macros));
    assertEquals("1-2-\"B\"", CMacro.expand("F(B, 2)", macros).replace(" ", ""));
    assertEquals("SELF + 1", CMacro.expand("SELF", macros));
    assertEquals("none", CMacro.expand("G()", macros));
    assertEquals("F", CMacro.expand("F", macros));
    assertEquals("\"A\"", CMacro.expand("\"A\"", macros));
    assertEquals(
        "(1,2)-1-\"(1,2)\"",
        CMacro.expand("F((A,2), A)", macros).replace(" ", "").replace("(A,2)", "(1,2)"));
    assertEquals("1-1-\"1\"", CMacro.expand("PAIR(A)", macros).replace(" ", ""));
  }

  @Test
  void evaluatesConditions() {
    var macros = macros("ONE 1", "EMPTY", "MASK 0x6");
    var conditions = new HashMap<String, Long>();
    conditions.put("defined ONE && defined(EMPTY)", 1L);
    conditions.put("!defined ONE || NOWHERE", 0L);
    conditions.put("ONE & 1", 1L);
    conditions.put("(MASK & 1) == 0", 1L);
    conditions.put("MASK > 5 && MASK <= 6UL", 1L);
    conditions.put("ONE == 2 || ONE != 1", 0L);
    conditions.put("!(ONE | 0)", 0L);
    conditions.forEach((text, value) -> assertEquals(value, CMacro.evaluate(text, macros), text));
    for (String wrong : List.of("", "1 1", "(1", "+", "defined(ONE")) {
      assertThrows(IllegalArgumentException.class, () -> CMacro.evaluate(wrong, macros), wrong);
    }
  }
}
