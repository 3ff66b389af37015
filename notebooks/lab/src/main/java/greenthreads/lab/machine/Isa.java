package greenthreads.lab.machine;

import greenthreads.lab.base.Platform;
import java.util.Arrays;
import java.util.Collection;

/**
 * An instruction set, with the few instructions that the lab knows by their bytes.
 *
 * <p>Each question is asked of the bytes at the beginning of {@code code}; too few of them are no
 * such instruction.
 */
public enum Isa {
  X86_64("x86-64", "rip", "rsp", "rax", 15) {
    @Override
    public boolean isBreakpoint(byte[] code) { // int3
      return begins(code, 0xcc);
    }

    @Override
    public boolean isNeverReached(byte[] code) { // ud2
      return begins(code, 0x0f, 0x0b);
    }

    @Override
    public boolean isSelfJump(byte[] code) { // jmp by -2
      return begins(code, 0xeb, 0xfe);
    }

    @Override
    public boolean isReturn(byte[] code) { // ret, ret n
      return begins(code, 0xc3) || begins(code, 0xc2);
    }

    @Override
    public boolean isSystemCall(byte[] code) { // syscall
      return begins(code, 0x0f, 0x05);
    }

    @Override
    public boolean isZeros(byte[] code) { // they mean: add byte ptr [rax], al
      return begins(code, 0, 0);
    }

    @Override
    public Call callBefore(byte[] code) {
      int end = code.length;
      if (end >= 5 && (code[end - 5] & 0xff) == 0xe8) {
        return Call.DIRECT;
      }
      for (int bytes = 2; bytes <= Math.min(7, end); bytes++) { // 0xff, and /2 in what follows
        int operand = code[end - bytes + 1] & 0xff;
        int low = operand & 7;
        int more = low == 4 ? 1 : 0; // how it is scaled, in a further byte
        int length =
            switch (operand >> 6) {
              case 0 -> low == 5 ? 6 : 2 + more;
              case 1 -> 3 + more;
              case 2 -> 6 + more;
              default -> 2;
            };
        if ((code[end - bytes] & 0xff) == 0xff && (operand & 0x38) == 0x10 && length == bytes) {
          return Call.INDIRECT;
        }
      }
      return Call.NONE;
    }
  },

  AARCH64("AArch64", "pc", "sp", "x0", 4) {
    @Override
    public boolean isBreakpoint(byte[] code) { // brk
      return code.length >= 4 && (word(code) & 0xffe0001f) == 0xd4200000;
    }

    /** The numbers by which clang and gcc mark such places. */
    @Override
    public boolean isNeverReached(byte[] code) {
      int number = code.length >= 4 ? word(code) >> 5 & 0xffff : 0;
      return isBreakpoint(code) && (number == 1 || number == 1000);
    }

    @Override
    public boolean isSelfJump(byte[] code) { // b by 0
      return code.length >= 4 && word(code) == 0x14000000;
    }

    @Override
    public boolean isReturn(byte[] code) { // ret xN
      return code.length >= 4 && (word(code) & 0xfffffc1f) == 0xd65f0000;
    }

    @Override
    public boolean isSystemCall(byte[] code) { // svc
      return code.length >= 4 && (word(code) & 0xffe0001f) == 0xd4000001;
    }

    @Override
    public boolean isZeros(byte[] code) {
      return code.length >= 4 && word(code) == 0;
    }

    @Override
    public Call callBefore(byte[] code) {
      int last = code.length < 4 ? 0 : word(Arrays.copyOfRange(code, code.length - 4, code.length));
      return (last & 0xfc000000) == 0x94000000 // bl
          ? Call.DIRECT
          : (last & 0xfffffc1f) == 0xd63f0000 ? Call.INDIRECT : Call.NONE; // blr
    }
  };

  /** What kind of call an address lies right behind. */
  public enum Call {
    NONE,
    /** Of a function that the instruction names. */
    DIRECT,
    /** By way of a pointer. */
    INDIRECT
  }

  /** What a reader calls it. */
  public final String title;

  /** The instruction pointer's name. */
  public final String pc;

  /** The stack pointer's name. */
  public final String sp;

  /** The register that a system call's result comes back in. */
  public final String result;

  /** How many bytes an instruction has at most; on AArch64 each has as many. */
  public final int longest;

  Isa(String title, String pc, String sp, String result, int longest) {
    this.title = title;
    this.pc = pc;
    this.sp = sp;
    this.result = result;
    this.longest = longest;
  }

  /** That of this process. */
  public static Isa here() {
    return Platform.IS_X86_64 ? X86_64 : AARCH64;
  }

  /** That of the machine whose registers have these names. */
  public static Isa of(Collection<String> registers) {
    return registers.contains(X86_64.pc) ? X86_64 : AARCH64;
  }

  /** The instruction at which a debugger, or the code itself, stops a program. */
  public abstract boolean isBreakpoint(byte[] code);

  /** What a compiler puts where it believes that control never comes. */
  public abstract boolean isNeverReached(byte[] code);

  /** A jump to itself: a loop with nothing in it. */
  public abstract boolean isSelfJump(byte[] code);

  /** The return from a function. On x86-64 it takes the address from the stack. */
  public abstract boolean isReturn(byte[] code);

  /** The call of the operating system. */
  public abstract boolean isSystemCall(byte[] code);

  /** Zero bytes enough to be taken for an instruction: code does not consist of them. */
  public abstract boolean isZeros(byte[] code);

  /**
   * The call that ends where {@code code} ends.
   *
   * @param code bytes before an address, at least seven to know every kind
   */
  public abstract Call callBefore(byte[] code);

  /** The bytes of the shortest instruction that calls the operating system. */
  public int systemCallBytes() {
    return this == X86_64 ? 2 : 4;
  }

  private static boolean begins(byte[] code, int... bytes) {
    for (int i = 0; i < bytes.length; i++) {
      if (i >= code.length || (code[i] & 0xff) != bytes[i]) {
        return false;
      }
    }
    return true;
  }

  private static int word(byte[] code) {
    return code[0] & 0xff | (code[1] & 0xff) << 8 | (code[2] & 0xff) << 16 | code[3] << 24;
  }
}
