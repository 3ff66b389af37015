package greenthreads.lab.machine;

import greenthreads.lab.base.Platform;
import java.util.Collection;

/**
 * An instruction set, with the few instructions that the lab knows by their bytes.
 *
 * <p>Each question is asked of the bytes at the beginning of {@code code}; too few of them are no
 * such instruction.
 */
public enum Isa {
  X86_64("x86-64", "rip", "rsp", 15) {
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
  },

  AARCH64("AArch64", "pc", "sp", 4) {
    @Override
    public boolean isBreakpoint(byte[] code) { // brk
      return code.length >= 4 && (word(code) & 0xffe0001f) == 0xd4200000;
    }

    /** A compiler marks such places with brk, as a debugger marks its breakpoints. */
    @Override
    public boolean isNeverReached(byte[] code) {
      return isBreakpoint(code);
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
  };

  /** What a reader calls it. */
  public final String title;

  /** The instruction pointer's name. */
  public final String pc;

  /** The stack pointer's name. */
  public final String sp;

  /** How many bytes an instruction has at most; on AArch64 each has as many. */
  public final int longest;

  Isa(String title, String pc, String sp, int longest) {
    this.title = title;
    this.pc = pc;
    this.sp = sp;
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
