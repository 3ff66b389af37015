package greenthreads.lab.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import greenthreads.lab.base.Programs;
import greenthreads.lab.binary.CFunction;
import greenthreads.lab.binary.DebugInfo;
import greenthreads.lab.source.SourceFile.Item;
import greenthreads.lab.source.SourceFile.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class SourceFileTest {
  @TempDir Path folder;

  // Splitting

  /** Each line: the source of one item, and what it should be found to be. */
  private static final List<String> SINGLE_ITEMS =
      List.of(
          "int add(int a, int b) { return a + b; }            -> FUNCTION add",
          "static const char *name(void) { return \"}\"; }    -> FUNCTION name",
          "struct node *make(struct node *n) { return n; }    -> FUNCTION make",
          "void (*pick(int a))(int) { return 0; }             -> FUNCTION pick",
          "__attribute__((noinline)) void f(void) { }         -> FUNCTION f",
          "void f(void) __attribute__((noreturn));            -> PROTOTYPE f",
          "_Noreturn static void f(int (*g)(void)) { g(); }   -> FUNCTION f",
          "[[noreturn]] void f(void) { for (;;); }            -> FUNCTION f",
          "EXPORT int f(char c) { return c == '}'; }          -> FUNCTION f",
          "main() { return '\\''; }                           -> FUNCTION main",
          "int MAIN(void) { return 0; }                       -> FUNCTION MAIN",
          "int add(int a, int b);                             -> PROTOTYPE add",
          "int (*pick(void))(int);                            -> PROTOTYPE pick",
          "extern int counter;                                -> PROTOTYPE counter",
          "struct node;                                       -> PROTOTYPE node",
          "struct node { struct node *next; int (*f)(int); }; -> STRUCT node",
          "struct __attribute__((packed)) p { int a; };       -> STRUCT p",
          "struct p { int a; } __attribute__((packed));       -> STRUCT p",
          "union both { int i; float f; };                    -> UNION both",
          "typedef struct node { int a; } node_t;             -> STRUCT node",
          "typedef struct { int a; } node_t;                  -> STRUCT node_t",
          "enum state { READY, RUNNING = 3 };                 -> ENUM state",
          "enum { STACK_SIZE = 4096, COUNT };                 -> ENUM STACK_SIZE",
          "typedef enum { READY } state;                      -> ENUM state",
          "typedef struct node node_t;                        -> TYPEDEF node_t",
          "typedef int (*binary)(int, int);                   -> TYPEDEF binary",
          "typedef void entry(void);                          -> TYPEDEF entry",
          "typedef unsigned long word;                        -> TYPEDEF word",
          "int counter;                                       -> GLOBAL counter",
          "static int counter = 3;                            -> GLOBAL counter",
          "static struct node nodes[2] = { { 0 }, { 1 } };    -> GLOBAL nodes",
          "static struct node { int a; } *first;              -> GLOBAL first",
          "_Alignas(16) static char stack[4096];              -> GLOBAL stack",
          "static char stack[4096] __attribute__((aligned(16))); -> GLOBAL stack",
          "static void (*handler)(int) = 0;                   -> GLOBAL handler",
          "static void (*const table[])(void) = { f, g };     -> GLOBAL table",
          "thread_local struct node *volatile current;        -> GLOBAL current",
          "long big = 1'000'000;                              -> GLOBAL big",
          "_Static_assert(sizeof(int) == 4, \"(;{\");         -> OTHER",
          "HOLDS(rax, 0x10);                                  -> OTHER",
          ";                                                  -> OTHER",
          "__asm__(\".globl go\\n\" \"go:\\n ret\\n\");       -> ASSEMBLY go",
          "__asm__(\"go:\\n\\t{ ret }\\n\");                  -> ASSEMBLY go",
          "__asm__(\".globl \" SYMBOL(go) \"\\n\" SYMBOL(go) \":\\n ret\"); -> ASSEMBLY go",
          "__asm__(ASM_FUNCTION(go) \" ret \\n\" ASM_END(go)); -> ASSEMBLY go",
          "asm volatile (\"go: ret\");                        -> ASSEMBLY go",
          "ASM(go, \" ret\\n\")                               -> ASSEMBLY go",
          "ASM(go, \" ret\\n\");                              -> ASSEMBLY go",
          "#define SIZE 4096                                  -> DEFINE SIZE",
          "#  define MAX(a, b) ((a) > (b) ? (a) : (b))        -> DEFINE MAX",
          "#include <stdio.h>                                 -> INCLUDE <stdio.h>",
          "#include \"arch/arch.h\"                           -> INCLUDE arch/arch.h",
          "#pragma once                                       -> DIRECTIVE pragma",
          "#error don't                                       -> DIRECTIVE error",
          "/* nothing but words: { ( \" ' */                  -> COMMENT",
          "// a line                                          -> COMMENT");

  @TestFactory
  Stream<DynamicTest> itemsAreRecognised() {
    return SINGLE_ITEMS.stream()
        .map(line -> {
          int arrow = line.indexOf("->");
          String source = line.substring(0, arrow).strip();
          String[] expected = line.substring(arrow + 2).strip().split(" ", 2);
          return dynamicTest(
              source,
              () -> {
                // Neighbours on both sides must be left alone.
                for (String text :
                    List.of(
                        source,
                        "int before;\n\n" + source + "\n\nint after;\n",
                        "int before;\n" + source + "\nint after(void) { return 1; }\n")) {
                  SourceFile file = SourceFile.parse("a.c", text);
                  checkSpans(file);
                  List<Item> others = new ArrayList<>(file.items());
                  others.removeIf(
                      item -> item.name().equals("before") || item.name().equals("after"));
                  if (expected[0].equals("COMMENT") && others.isEmpty()) {
                    assertTrue(file.item("after").orElseThrow().text().contains(source));
                    continue; // it is the next item's own
                  }
                  assertEquals(1, others.size(), text + "\n" + others);
                  assertEquals(expected[0], others.get(0).kind().name(), text);
                  assertEquals(expected.length > 1 ? expected[1] : "", others.get(0).name());
                  assertEquals(source, others.get(0).text());
                  assertEquals(text.contains("after"), file.item("after").isPresent());
                }
              });
        });
  }

  @Test
  void commentsBelongToTheItemBelowUnlessALineIsEmpty() {
    SourceFile file =
        SourceFile.parse(
            "a.c",
            """
            /* The file. */

            // One.
            /* Two. */
            int a; /* behind */

            /* Three. */
            #define B 1 // also behind
            int c, *d;
            """);
    assertEquals(
        List.of("COMMENT 1-1", "GLOBAL a 3-5", "DEFINE B 7-8", "GLOBAL c 9-9"), lines(file));
    assertEquals("// One.\n/* Two. */\nint a; /* behind */", file.item("a").orElseThrow().text());
    assertEquals("c", file.item("d").orElseThrow().name());
  }

  @Test
  void namesAreFoundByTagByEnumeratorAndByKind() {
    SourceFile file =
        SourceFile.parse(
            "a.c",
            """
            struct thread;
            void swap(void);
            struct swap { int a; };
            enum state { READY, RUNNING = READY + 1, DONE };
            void swap(void) { }
            """);
    assertEquals(Kind.PROTOTYPE, file.item("thread").orElseThrow().kind());
    assertEquals(Kind.FUNCTION, file.item("swap").orElseThrow().kind());
    assertEquals(Kind.STRUCT, file.item("struct swap").orElseThrow().kind());
    assertEquals(3, file.items("swap").size());
    assertEquals("state", file.item("DONE").orElseThrow().name());
    assertEquals("state", file.item("enum state").orElseThrow().name());
    assertTrue(file.item("missing").isEmpty());
  }

  @Test
  void conditionalsInsideAnItemAreItsOwn() {
    SourceFile file =
        SourceFile.parse(
            "a.c",
            """
            int f(int a)
            {
            #if A
                if (a) {
            #else
                if (!a) {
            #endif
                    a++;
                }
            #if 0
                it's { not C
            #endif
                return a;
            }
            struct s {
            #ifdef B
                int b;
            #endif
            };
            int x
            #ifdef B
                = 1;
            #else
                = 2;
            #endif
            int last;
            """);
    assertEquals(
        List.of("FUNCTION f 1-14", "STRUCT s 15-19", "GLOBAL x 20-25", "GLOBAL last 26-26"),
        lines(file));
  }

  @Test
  void aMacrosCallMayEndWithItsLine() {
    SourceFile file =
        SourceFile.parse(
            "a.c",
            """
            EACH(MAKE)
            #define SIZE 3
            MAKE(last, "note")
            static const struct made all[] = {
                EACH(NAME)
            };
            INLINE(always)
            int f(void) { return 1; }
            """);
    assertEquals(
        List.of(
            "OTHER 1-1",
            "DEFINE SIZE 2-2",
            "ASSEMBLY last 3-3",
            "GLOBAL all 4-6",
            "OTHER 7-7",
            "FUNCTION f 8-8"),
        lines(file));
  }

  @Test
  void branchesThatShareABodyLoseNothing() {
    SourceFile file =
        SourceFile.parse(
            "a.c",
            """
            int first;
            #if A
            int f(int a) {
            #else
            int f(long a) {
            #endif
                return (int) a;
            }
            int last;
            """);
    checkSpans(file);
    assertEquals("GLOBAL first 1-1", lines(file).getFirst());
    assertEquals(9, file.item("last").orElseThrow().lastLine());
  }

  @Test
  void theSameNameMayStandInEachBranch() {
    SourceFile file =
        SourceFile.parse(
            "a.c",
            """
            #if A
            int f(void) { return 1; }
            #elif B
            int f(void) { return 2; }
            #endif
            #if 0
            don't { look
            #if 1
            #endif
            #else
            int g;
            #endif
            """);
    assertEquals(
        List.of(
            "DIRECTIVE if 1-1",
            "FUNCTION f 2-2",
            "DIRECTIVE elif 3-3",
            "FUNCTION f 4-4",
            "DIRECTIVE endif 5-5",
            "DIRECTIVE if 6-6",
            "OTHER 7-9",
            "DIRECTIVE else 10-10",
            "GLOBAL g 11-11",
            "DIRECTIVE endif 12-12"),
        lines(file));
    assertEquals(2, file.items("f").size());
    assertEquals(2, file.item("f").orElseThrow().firstLine());
  }

  @Test
  void continuedLinesAndBothLineEnds() {
    String source = "#define F(a) \\\n    { (a) \\\n    \"}\"\n// goes \\\n on\nint b;\n";
    assertEquals(List.of("DEFINE F 1-3", "GLOBAL b 4-6"), lines(SourceFile.parse("a.c", source)));
    String windows = source.replace("\n", "\r\n");
    SourceFile file = SourceFile.parse("a.c", windows);
    assertEquals(List.of("DEFINE F 1-3", "GLOBAL b 4-6"), lines(file));
    checkSpans(file);
  }

  @Test
  void whatIsNotClosedTakesTheRestAlong() {
    for (String open : List.of("int f(void) {", "int a[] = {1,", "__asm__(\"x\"", "/* words")) {
      SourceFile file = SourceFile.parse("a.c", "int a;\n\n" + open + "\nint b;\nint c;\n");
      checkSpans(file);
      assertEquals(2, file.items().size(), open);
      assertEquals(5, file.items().get(1).lastLine() - (open.startsWith("/*") ? 1 : 0), open);
    }
    SourceFile file = SourceFile.parse("a.c", "int a;\nchar *s = \"open;\nint b;\nint c;\n");
    checkSpans(file);
    assertEquals("a", file.items().get(0).name());
    assertEquals("s", file.items().get(1).name());
    assertEquals("c", file.items().get(file.items().size() - 1).name());
    for (String odd :
        List.of("", "\n", "}", ")", "#", "\"", "'", "\\", "/", "#endif", "#else\n}")) {
      checkSpans(SourceFile.parse("odd.c", odd));
    }
  }

  @Test
  void whatIsOpenInAFunctionEndsWithIt() {
    for (String open : List.of("g(1;", "a[1 = 2;", "puts(\"open);", "g(h(1)")) {
      String text =
          "int f(void) {\n  if (1) { " + open + "\n }\n}\nint h(void) { return 1; }\nint last;\n";
      SourceFile file = SourceFile.parse("a.c", text);
      checkSpans(file);
      assertEquals(
          List.of("FUNCTION f 1-4", "FUNCTION h 5-5", "GLOBAL last 6-6"), lines(file), open);
    }
  }

  @Test
  void aFunctionInTheOldestWayIsOne() {
    SourceFile file =
        SourceFile.parse(
            "a.c",
            "int f(a, b) int a; char *b; { return a; }\nint g(size_t) NORETURN;\nint h(t);\n");
    checkSpans(file);
    assertEquals(List.of("FUNCTION f 1-1", "PROTOTYPE g 2-2", "PROTOTYPE h 3-3"), lines(file));
  }

  @Test
  void lineDirectivesNameTheFile() {
    SourceFile file =
        SourceFile.parse("a.c", "int a;\n#line 7 \"b \\\"c\\\".h\"\nint b;\n\n#line 3\nint c;\n");
    assertEquals("a.c", file.item("a").orElseThrow().file());
    assertEquals("b \"c\".h", file.item("b").orElseThrow().file());
    assertEquals(7, file.item("b").orElseThrow().firstLine());
    assertEquals(3, file.item("c").orElseThrow().firstLine());
  }

  // Replacing

  private static final String BASE =
      """
      #include <stdio.h>
      #define COUNT 2

      struct point { int x, y; };

      static int area(struct point p) { return p.x * p.y; }

      // says it
      static void say(const char *what)
      {
          printf("%s %d\\n", what, COUNT);
      }

      int main(void)
      {
          say("area");
          return area((struct point) { 2, 3 }) - 6;
      }
      """;

  @Test
  void replacedAndAddedItemsCompileAndRun() throws Exception {
    String edits =
        """
        #include <string.h>
        #define COUNT 5
        static int twice(int x) { return 2 * x; }
        static void say(const char *what)
        {
            printf("%s has %d letters, %d\\n", what, (int) strlen(what), twice(COUNT));
        }
        """;
    String result = replace(BASE, edits);
    assertEquals("area has 4 letters, 10\n", compileAndRun(result));
    assertEquals("area 2\n", compileAndRun(replace(BASE, "")));
    assertEquals("#line 1 \"base.c\"\n" + BASE, replace(BASE, ""));
  }

  @Test
  void functionsStandAtTheEndAndAreDeclaredInTheirOldPlace() {
    String result =
        replace(
            BASE,
            """
            int one;
            // by one
            static int area(struct point p) { return one + p.x; }
            int two(void);
            """);
    assertEquals(
        """
        #line 1 "base.c"
        #include <stdio.h>
        #define COUNT 2

        struct point { int x, y; };

        #line 3 "mine"
        static int area(struct point p);
        #line 7 "base.c"

        // says it
        static void say(const char *what)
        {
            printf("%s %d\\n", what, COUNT);
        }

        int main(void)
        {
            say("area");
            return area((struct point) { 2, 3 }) - 6;
        }
        #line 1 "mine"
        int one;
        #line 2 "mine"
        // by one
        static int area(struct point p) { return one + p.x; }
        #line 4 "mine"
        int two(void);
        """,
        result);
  }

  /** The first to run comes first in it. */
  private static final String THREE_STEPS =
      """
      #include <stdio.h>
      #if LOUD
      #define FACTOR 1000
      #else
      #define FACTOR 1
      #endif
      static int first(int n) { return n; }
      struct step { int size; };
      static struct step steps[1];
      static int second(int n) { return 2 * n + steps[0].size; }
      #define LAST 3
      static int third(int n) { return LAST * n; }
      int main(void) { printf("%d\\n", FACTOR * (first(3) + second(3) + third(3))); return 0; }
      """;

  private void assertGives(String printed, String edits, String... options) throws Exception {
    assertEquals(printed + "\n", compileAndRun(replace(THREE_STEPS, edits), options), edits);
  }

  @Test
  void whateverTheOrderOfTheFileAnEditSeesAllOfItAndWhatStandsAboveIt() throws Exception {
    assertGives("18", "static int first(int n) { return n; }"); // 3 + 6 + 9
    // A new function, one that replaces a later one, and what both of them count in.
    String state = "struct seen { int times; };\nstatic struct seen seen;\n";
    String second =
        "// What comes second counts.\nstatic int second(int n) { seen.times++; return n + steps[0].size; }\n";
    String first = "static int first(int n) { return second(n) + 100 * seen.times; }\n";
    String help = "static int help(int n) { return second(n); }\n";
    assertGives("115", state + second + first); // 103 + 3 + 9
    assertGives("115", state + second.replace("static ", "") + first.replace("static ", ""));
    assertGives("115", state + second + help + first.replace("second(", "help("));
    assertGives("115", "static int second(int n);\n" + state + first + second);
    // The file's own later functions, types, variables and macros.
    assertGives("24", "static int first(int n) { struct step s = {n}; return third(s.size); }");
    assertGives("19", "static int first(int n) { return LAST + 1 + steps[0].size + n * 0; }");
    // A macro of its own, and one of the file's that stands further down.
    assertGives("22", "#define MORE 4\nstatic int first(int n) { return n + MORE; }");
    assertGives("31", "#define LAST 5\nstatic int first(int n) { return 2 * LAST + n * 0; }");
    assertGives(
        "24", "#undef LAST\n#define LAST 5\nstatic int first(int n) { return n + LAST - 5; }");
    // A condition of the file's.
    assertGives("18000", "#define LOUD 1");
  }

  @Test
  void whatStandsInItsPlaceHasBeforeItWhatItUses() throws Exception {
    String struct = "typedef int number;\nstruct step { number size; int (*how)(int); };\n";
    assertGives("18", struct);
    String table =
        "static int help(int n) { return n; }\n"
            + "static struct step steps[1] = {{(int)sizeof(help(0)), help}};\n"
            + "static int second(int n) { return steps[0].how(n) + steps[0].size; }\n";
    assertGives("19", struct + table); // 3 + 7 + 9
    // In a type of a parameter.
    String typed = "typedef int number;\nstatic int first(number n) { return n; }\n";
    assertGives("18", typed);
    // A name of a member, or of something else, is no use.
    String result = replace(THREE_STEPS, "struct how { int x; };\nstruct step { int size, how; };");
    assertTrue(result.indexOf("struct how") > result.indexOf("main"), result);
  }

  @Test
  void whatCannotBeDeclaredAheadStandsInItsPlace() throws Exception {
    assertGives(
        "19",
        "static int first(n) int n; { return n + 1; }",
        "-Wno-strict-prototypes",
        "-Wno-old-style-definition",
        "-Wno-unknown-warning-option",
        "-Wno-deprecated-non-prototype");
    assertGives(
        "19", "static int first(int n)\n#if 1\n{ return n + 1; }\n#else\n{ return 0; }\n#endif\n");
    assertGives("19", "static int first(int n) // {\n{ return n + 1; }");
    String attributes = "__attribute__((noinline)) static int first(int n) { return n + 1; }";
    assertGives("19", attributes);
    assertGives(
        "19", attributes.replace("noinline", "always_inline").replace("static", "static inline"));
    assertGives(
        "19",
        attributes.replace("noinline", "always_inline").replace("static", "static inline"),
        "-O2");
  }

  @Test
  void whatIsNewIsThereOnceInWhateverBranchesItIsUsed() throws Exception {
    String base =
        """
        #include <stdio.h>
        #if A
        struct s { char x; };
        static int f(struct s s) { return s.x; }
        #else
        struct s { short x; };
        static int f(struct s s) { return s.x + 1; }
        #endif
        #if B
        static struct s t = {1};
        #else
        static struct s t = {2};
        #endif
        static int only = 1;
        int main(void) { printf("%d %d %d\\n", f(t), (int)sizeof t, only); return 0; }
        """;
    String edits =
        """
        typedef int number;
        enum { FIVE = 5 };
        struct s { number x; };
        static struct s t = {FIVE};
        static int more(struct s s) { return s.x + only; }
        #if A
        static int f(struct s s) { return more(s) + 10; }
        #else
        static int f(struct s s) { return more(s) + 20; }
        #endif
        """;
    for (String b : List.of("-DB=0", "-DB=1")) {
      assertEquals("26 4 1\n", compileAndRun(replace(base, edits), "-DA=0", b));
      assertEquals("16 4 1\n", compileAndRun(replace(base, edits), "-DA=1", b));
    }
    // Used in a branch that nobody takes, and outside.
    String hidden =
        "#include <stdio.h>\n#ifdef NOBODY\nstatic int a[1];\n#endif\nstatic int b[1];\n"
            + "int main(void) { printf(\"%d\\n\", (int)sizeof b); return 0; }\n";
    String both = "enum { N = 3 };\nstatic char a[N];\nstatic char b[N + sizeof a];\n";
    assertEquals("6\n", compileAndRun(replace(hidden, both)));
    assertEquals("6\n", compileAndRun(replace(hidden, both), "-DNOBODY"));
  }

  @Test
  void newHeadersComeFirstWithTheMacrosAboveThem() throws Exception {
    String base =
        """
        #ifdef _WIN32
        #include <windows.h>
        #else
        #include <stdio.h>
        #endif
        static int pages(int n) { return n; }
        int main(void) { printf("%d\\n", pages(2)); return 0; }
        """;
    String edits =
        """
        static int help(int n) { return n + 5; }
        #define _GNU_SOURCE
        #include <sched.h>
        #define MORE CPU_COUNT(&set)
        static int pages(int n) { cpu_set_t set; CPU_ZERO(&set); return help(n) + MORE; }
        """;
    assumeTrue(Programs.isLinux(), "another system has other headers that ask for macros");
    assertEquals("7\n", compileAndRun(replace(base, edits)));
    assertTrue(replace(base, edits).indexOf("MORE CPU") > replace(base, edits).indexOf("main"));
  }

  @Test
  void whatIsNeverClosedHarmsTheEditsOnly() {
    for (String open :
        List.of(
            "/* open",
            "#if 1\nint open;",
            "static int first(int n) { /* open",
            "#define OPEN 1 \\")) {
      String result = replace(THREE_STEPS, "static int third(int n) { return n; }\n" + open);
      assertTrue(
          result.indexOf("open") < 0 || result.indexOf("open") > result.indexOf("main"), result);
      assertTrue(result.contains("open") || result.contains("OPEN"), result);
      assertTrue(result.contains("LAST 3\n#line"), result);
    }
    String goesOn = replace(THREE_STEPS, "#define LAST 1 \\");
    assertTrue(goesOn.contains("#define LAST 1 \\\n\n#line"), goesOn);
  }

  @Test
  void diagnosticsPointIntoTheRightFileAndLine() throws Exception {
    String compiler = Programs.anyCompiler();
    String edits = "\n\n// comment\nstatic void say(const char *what)\n{\n    oops_mine();\n}\n";
    String base = BASE.replace("return area", "oops_base();\n    return area");
    Path file = Files.writeString(folder.resolve("bad.c"), replace(base, edits));
    List<String> command =
        List.of(compiler, "-std=c17", "-Werror", "-fsyntax-only", file.toString());
    Process process = Programs.start(command, folder);
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertNotEquals(0, process.waitFor());
    assertTrue(output.contains("mine:6:5:"), output);
    assertTrue(output.contains("base.c:17:5:"), output);
  }

  @Test
  void anItemInSeveralBranchesIsReplacedInEach() throws Exception {
    String base =
        """
        #include <stdio.h>
        #if A
        static int f(void) { return 1; }
        #else
        static int f(void) { return 2; }
        #endif
        int main(void) { printf("%d\\n", f()); return 0; }
        """;
    String result = replace(base, "static int g = 7;\nstatic int f(void) { return g; }\n");
    assertEquals("7\n", compileAndRun(result, "-DA=0"));
    assertEquals("7\n", compileAndRun(result, "-DA=1"));
    String conditional =
        "#if A\n"
            + "static int f(void) { return 8; }\n"
            + "#else\n"
            + "static int f(void) { return 9; }\n"
            + "#endif\n";
    assertEquals("9\n", compileAndRun(replace(base, conditional), "-DA=0"));
    assertEquals("8\n", compileAndRun(replace(base, conditional), "-DA=1"));
    String simple =
        "#include <stdio.h>\nstatic int f(void) { return 1; }\n"
            + "int main(void) { printf(\"%d\\n\", f()); return 0; }\n";
    assertEquals("8\n", compileAndRun(replace(simple, conditional), "-DA=1"));
  }

  @Test
  void oneItemMayReplaceTwo() throws Exception {
    String base =
        """
        #include <stdio.h>
        struct p { int x; };
        typedef struct p p_t;
        static int a;
        static int a = 1;
        enum { SIZE = 3 };
        int main(void) { printf("%d %d\\n", (int) sizeof(p_t) + a, SIZE); return 0; }
        """;
    String edits = "typedef struct p { char x; } p_t;\nstatic int a = 5;\n#define SIZE 4\n";
    assertEquals("6 4\n", compileAndRun(replace(base, edits)));
  }

  @Test
  void itemsThatShareALine() throws Exception {
    String base =
        "#include <stdio.h>\nint a = 1; int b = 2; int c = 3;\n"
            + "int main(void) { printf(\"%d\\n\", a + b + c); return 0; }";
    assertEquals("24\n", compileAndRun(replace(base, "int b = 20;")));
    assertEquals("27\n", compileAndRun(replace(base, "int a = 4; int b = 20;")));
  }

  @Test
  void expandedHeadersCanBeReplacedToo() throws Exception {
    String base =
        "#include <stdio.h>\n#include \"sub/a.h\"\nint main(void) { printf(\"%d\\n\", f()); }\n";
    SourceFile expanded =
        Merge.expand(
            SourceFile.parse("base.c", base),
            path ->
                Optional.ofNullable(
                    switch (path) {
                      case "sub/a.h" -> "#if 1\n#include \"b.h\"\n#endif\n#include \"a.h\"\n";
                      case "sub/b.h" -> "\n// f\nstatic int f(void) { return 1; }";
                      default -> null;
                    }));
    Item f = expanded.item("f").orElseThrow();
    assertEquals("sub/b.h:2-3", f.file() + ":" + f.firstLine() + "-" + f.lastLine());
    assertEquals(3, expanded.item("main").orElseThrow().firstLine());
    String result =
        Merge.replace(expanded, SourceFile.parse("mine", "static int f(void) { return 6; }\n"));
    assertEquals("6\n", compileAndRun(result.replace("#include \"a.h\"", "")));
  }

  // The chapters' own files

  @TestFactory
  Stream<DynamicTest> theChaptersFilesAreUnderstood() throws IOException {
    return nativeFiles()
        .map(path ->
            dynamicTest(
                path.getFileName().toString(),
                () -> {
                  String text = Files.readString(path);
                  SourceFile file = SourceFile.parse(path.toString(), text);
                  checkSpans(file);
                  for (Item item : file.items()) {
                    boolean body = item.text().contains("{") && item.kind() == Kind.OTHER;
                    assertFalse(body, () -> "not understood: " + item);
                    boolean assembly = item.kind() == Kind.ASSEMBLY;
                    assertFalse(assembly && item.name().isEmpty(), item::toString);
                  }
                  assertTimeoutPreemptively(
                      Duration.ofSeconds(60),
                      () -> {
                        for (int end = 0; end < text.length(); end += 97) {
                          checkSpans(SourceFile.parse("cut.c", text.substring(0, end)));
                          checkSpans(SourceFile.parse("cut.c", text.substring(end)));
                        }
                      });
                }));
  }

  /** The compiler and this class were never told of each other. */
  @TestFactory
  Stream<DynamicTest> functionsAreWhereTheCompilerSaysTheyAre() throws IOException {
    return chapters()
        .map(path ->
            dynamicTest(
                path.getFileName().toString(),
                () -> {
                  assumeTrue(Programs.isLinux(), "libraries hold DWARF only on Linux");
                  Path library = folder.resolve("chapter.so");
                  String source = path.getFileName().toString();
                  Programs.run(
                      List.of(
                          Programs.anyCompiler(),
                          "-std=c17",
                          "-gdwarf-4",
                          "-fPIC",
                          "-shared",
                          source,
                          "-o",
                          library.toString()),
                      path.getParent());
                  SourceFile file = SourceFile.parse(source, Files.readString(path));
                  int checked = 0;
                  for (CFunction function : DebugInfo.read(library).functions()) {
                    if (source.equals(function.file())) {
                      Item item =
                          file.items(function.name()).stream()
                              .filter(i -> i.firstLine() <= function.line())
                              .filter(i -> i.lastLine() >= function.line())
                              .findFirst()
                              .orElseThrow(() -> new AssertionError(function.toString()));
                      assertEquals(Kind.FUNCTION, item.kind());
                      checked++;
                    }
                  }
                  assertTrue(checked > 0, "no function compared");
                }));
  }

  /**
   * Each item replaced by itself leaves the compiler the same items, though functions further down;
   * an expansion, the same tokens.
   */
  @TestFactory
  Stream<DynamicTest> aFileReplacedByItselfIsTheSameForTheCompiler() throws IOException {
    return chapters()
        .map(path ->
            dynamicTest(
                path.getFileName().toString(),
                () -> {
                  String name = path.getFileName().toString();
                  SourceFile file = SourceFile.parse(name, Files.readString(path));
                  SourceFile expanded =
                      Merge.expand(file, header -> read(path.resolveSibling(header)));
                  String expected = preprocessed(path, file.text());
                  assertEquals(expected, preprocessed(path, expanded.text()));
                  String replaced = Merge.replace(file, file);
                  assertEquals(items(expected), items(preprocessed(path, replaced)));
                  Path copy = Files.writeString(folder.resolve("replaced.c"), replaced);
                  Programs.run(
                      List.of(
                          Programs.anyCompiler(),
                          "-std=c17",
                          "-Wall",
                          "-Wextra",
                          "-Werror",
                          "-fsyntax-only",
                          "-I",
                          path.getParent().toString(),
                          copy.toString()));
                  assertEquals(
                      expected,
                      preprocessed(path, Merge.replace(expanded, SourceFile.parse("mine", ""))));
                  for (Item item : expanded.items()) {
                    if (item.kind() == Kind.DIRECTIVE && item.name().equals("line")) {
                      continue; // put there by the expansion
                    }
                    Path from = path.resolveSibling(item.file());
                    List<String> lines = Files.readAllLines(from);
                    String text =
                        String.join("\n", lines.subList(item.firstLine() - 1, item.lastLine()));
                    assertTrue(text.contains(item.text()), item::toString);
                  }
                }));
  }

  /**
   * The functions of a text in order of their words; all else as it stands, but for their heads.
   */
  private static Map<Boolean, List<String>> items(String text) {
    List<Item> items = SourceFile.parse("", text).items();
    Set<String> heads =
        items.stream()
            .filter(item -> item.kind() == Kind.FUNCTION)
            .map(item -> item.text().substring(0, item.text().indexOf('{')).strip() + ";")
            .collect(Collectors.toSet());
    Map<Boolean, List<String>> parts =
        items.stream()
            .filter(item -> !heads.contains(item.text()))
            .collect(
                Collectors.partitioningBy(
                    item -> item.kind() == Kind.FUNCTION,
                    Collectors.mapping(Item::text, Collectors.toCollection(ArrayList::new))));
    Collections.sort(parts.get(true));
    return parts;
  }

  private String preprocessed(Path original, String text) throws Exception {
    Path copy = Files.writeString(folder.resolve("copy.c"), text);
    String output =
        Programs.run(
            List.of(
                Programs.anyCompiler(),
                "-std=c17",
                "-E",
                "-P",
                "-I",
                original.getParent().toString(),
                copy.toString()));
    return output.replaceAll("\\s+", " ");
  }

  private static Optional<String> read(Path path) {
    try {
      return Files.exists(path) ? Optional.of(Files.readString(path)) : Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Stream<Path> chapters() throws IOException {
    return nativeFiles().filter(path -> path.toString().endsWith(".c"));
  }

  private static Stream<Path> nativeFiles() throws IOException {
    Path root = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(root.resolve("native/arch"))) {
      root = root.getParent();
      if (root == null) {
        throw new IOException("The tests run outside the project: there is no native/arch above.");
      }
    }
    try (Stream<Path> files = Files.walk(root.resolve("native"))) {
      return files
          .filter(path -> path.toString().matches("(?!.*/\\.ipynb_).*\\.[ch]"))
          .sorted()
          .toList()
          .stream();
    }
  }

  // Helpers

  private static String replace(String base, String edits) {
    return Merge.replace(SourceFile.parse("base.c", base), SourceFile.parse("mine", edits));
  }

  private String compileAndRun(String source, String... options) throws Exception {
    Path file = Files.writeString(folder.resolve("program.c"), source);
    Path program = folder.resolve("program");
    List<String> command = new ArrayList<>(List.of(Programs.anyCompiler(), "-std=c17"));
    command.addAll(List.of("-Wall", "-Wextra", "-Werror"));
    command.addAll(List.of(options));
    command.addAll(List.of(file.toString(), "-o", program.toString()));
    Programs.run(command);
    return Programs.run(List.of(program.toString()));
  }

  private static List<String> lines(SourceFile file) {
    return file.items().stream()
        .map(item ->
            (item.kind() + " " + item.name()).strip()
                + " "
                + item.firstLine()
                + "-"
                + item.lastLine())
        .toList();
  }

  /** Items lie in order, do not overlap, and leave nothing but white space between them. */
  private static void checkSpans(SourceFile file) {
    int end = 0;
    for (Item item : file.items()) {
      assertTrue(item.span().start() >= end, item::toString);
      assertTrue(item.span().code() >= item.span().start(), item::toString);
      String gap = file.text().substring(end, item.span().start());
      assertTrue(gap.replace("\\", "").isBlank(), () -> "lost: " + gap);
      end = item.span().end();
      assertEquals(item.text(), file.text().substring(item.span().start(), end));
      assertFalse(item.text().isEmpty());
      assertTrue(item.firstLine() >= 1 && item.lastLine() >= item.firstLine(), item::toString);
    }
    String rest = file.text().substring(end);
    assertTrue(rest.replace("\\", "").isBlank(), () -> "lost: " + rest);
  }
}
