package greenthreads.lab.compile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class AssemblyTest {
  private static final String GCC =
      """
      \t.file\t"x.c"
      \t.intel_syntax noprefix
      \t.text
      \t.p2align 4
      \t.globl\tsquare
      \t.type\tsquare, @function
      square:
      .LFB0:
      \timul\tedi, edi
      \tcmp\tedi, 3
      \tjne\t.L2
      \tmov\teax, edi
      .L2:
      \tret
      \t.size\tsquare, .-square
      \t.globl\tother
      other:
      \tnop
      """;

  private static final String MAC =
      """
      \t.section\t__TEXT,__text,regular,pure_instructions
      \t.globl\t_square                         ; -- Begin function square
      \t.p2align\t2
      _square:                                ; @square
      \t.cfi_startproc
      ; %bb.0:
      \tmul\tw0, w0, w0
      \tret
      \t.cfi_endproc
                                              ; -- End function
      \t.globl\t_other
      _other:
      \tnop
      """;

  @Test
  void keepsInstructionsAndLabelsThatAreUsed() {
    assertEquals(
        Optional.of(
            """
            square:
                imul    edi, edi
                cmp     edi, 3
                jne     .L2
                mov     eax, edi
            .L2:
                ret\
            """),
        Assembly.function(GCC, "square"));
  }

  @Test
  void readsNamesInQuotes() {
    String newer =
        """
        \t.globl\t"add"
        \t.type\t"add", @function
        "add":
        \tcall\t"used"
        \tadd\teax, DWORD PTR "n.0"[rip]
        \tret
        \t.size\t"add", .-"add"
        """;
    assertEquals(
        Optional.of(
            """
            add:
                call    used
                add     eax, DWORD PTR n.0[rip]
                ret\
            """),
        Assembly.function(newer, "add"));
  }

  @Test
  void readsDarwinsDialect() {
    assertEquals(
        Optional.of("_square:\n    mul     w0, w0, w0\n    ret"), Assembly.function(MAC, "square"));
  }

  @Test
  void unknownFunctionIsNone() {
    assertTrue(Assembly.function(GCC, "cube").isEmpty());
  }
}
