package greenthreads.lab.machine;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/**
 * What an architecture's registers are called, and who owns them in a call.
 *
 * <p>The same is said in native/arch/; a test holds the two together.
 *
 * @param isa the instruction set, which names the stack and the instruction pointer
 * @param flags the name of the register that holds the flags
 * @param flagBits the flags that a result sets, by the bit's number, the highest first
 * @param calleeSaved the registers that a function returns as it found them, sp aside
 */
public record Abi(Isa isa, String flags, List<Flag> flagBits, Set<String> calleeSaved) {
  /** A flag's bit, by its number. */
  public record Flag(int bit, String name) {}

  public static final Abi X86_64 =
      new Abi(
          Isa.X86_64,
          "rflags",
          List.of(
              new Flag(11, "OF"),
              new Flag(10, "DF"),
              new Flag(8, "TF"),
              new Flag(7, "SF"),
              new Flag(6, "ZF"),
              new Flag(4, "AF"),
              new Flag(2, "PF"),
              new Flag(0, "CF")),
          Set.of("rbx", "rbp", "r12", "r13", "r14", "r15"));

  public static final Abi AARCH64 =
      new Abi(
          Isa.AARCH64,
          "nzcv",
          List.of(new Flag(31, "N"), new Flag(30, "Z"), new Flag(29, "C"), new Flag(28, "V")),
          Set.of("x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29"));

  /** That of this process. */
  public static Abi here() {
    return of(Isa.here());
  }

  /** That of the machine whose registers have these names. */
  public static Abi of(Collection<String> names) {
    return of(Isa.of(names));
  }

  private static Abi of(Isa isa) {
    return isa == Isa.X86_64 ? X86_64 : AARCH64;
  }

  /** The stack pointer's name. */
  public String sp() {
    return isa.sp;
  }

  /** The instruction pointer's name. */
  public String pc() {
    return isa.pc;
  }

  /** Bytes below sp that a function may use without moving sp. */
  public int redZone() {
    return isa == Isa.X86_64 || Platform.IS_MAC ? 128 : 0;
  }

  public boolean isFlags(String register) {
    return register.equals(flags) || register.equals("pstate");
  }

  /** Who keeps a register's value over a call. */
  public Owner owner(String register) {
    if (Set.of(isa.sp, isa.pc, "x18").contains(register) || isFlags(register)) {
      return Owner.PROCESSOR;
    }
    return calleeSaved.contains(register) ? Owner.CALLEE : Owner.CALLER;
  }

  /** Who keeps a register's value over a call. */
  public enum Owner {
    CALLER("caller-saved", "a called function may overwrite them"),
    CALLEE("callee-saved", "a called function gives them back as they were"),
    PROCESSOR("set apart", "the stack, the place in the code, the flags");

    public final String title;
    public final String rule;

    Owner(String title, String rule) {
      this.title = title;
      this.rule = rule;
    }
  }

  /**
   * The 64-bit register that a name is a part of.
   *
   * @param name as in an instruction: {@code eax}, {@code w3}; the name itself if it is no part
   */
  public String whole(String name) {
    return switch (isa) {
      case AARCH64 ->
          switch (name) {
            case "lr" -> "x30";
            case "fp" -> "x29";
            case "wsp" -> "sp";
            default -> name.replaceFirst("^w(?=\\d+$)", "x");
          };
      case X86_64 -> {
        if (name.matches("r\\d+[dwb]")) {
          yield name.substring(0, name.length() - 1);
        }
        if (name.matches("[abcd][lh]")) {
          yield "r" + name.charAt(0) + "x";
        }
        yield name.matches("[er]?([abcd]x|si|di|bp|sp)|(si|di|bp|sp)l")
            ? "r" + name.replaceFirst("^[er]", "").substring(0, 2)
            : name;
      }
    };
  }

  /** The flags that are set, by name. */
  public String flagNames(long value) {
    var names = new ArrayList<String>();
    for (Flag flag : flagBits) {
      if ((value >>> flag.bit() & 1) != 0) {
        names.add(flag.name());
      }
    }
    return names.isEmpty() ? "none that a result sets" : String.join(" ", names) + " set";
  }

  /**
   * A part of a register that has a name of its own.
   *
   * @param name what the assembler calls it
   * @param low the number of its lowest byte, 0 for the least significant
   * @param bytes how many it has
   */
  public record Part(String name, int low, int bytes) {
    /** What a value holds in this part, as hexadecimal digits. */
    public String of(long value) {
      long part = value >>> 8 * low & (bytes == 8 ? -1L : (1L << 8 * bytes) - 1);
      return ("%0" + 2 * bytes + "x").formatted(part);
    }
  }

  /**
   * The names of a general register's parts, the whole first.
   *
   * @throws LabException if there is no such register
   */
  public List<Part> parts(String register) {
    boolean x86 = isa == Isa.X86_64;
    var parts = new ArrayList<>(List.of(new Part(register, 0, 8)));
    String stem = register.substring(Math.min(1, register.length()));
    if (x86 && register.matches("r([abcd]x|si|di|bp|sp)")) {
      parts.add(new Part("e" + stem, 0, 4));
      parts.add(new Part(stem, 0, 2));
      if (stem.endsWith("x")) {
        parts.add(new Part(stem.charAt(0) + "h", 1, 1));
      }
      parts.add(new Part(stem.replace("x", "") + "l", 0, 1));
    } else if (x86 && register.matches("r([89]|1[0-5])")) {
      parts.add(new Part(register + "d", 0, 4));
      parts.add(new Part(register + "w", 0, 2));
      parts.add(new Part(register + "b", 0, 1));
    } else if (!x86 && register.matches("x([0-9]|[12][0-9]|30)")) {
      parts.add(new Part("w" + stem, 0, 4));
    } else {
      throw new LabException(
          "`%s` is no general register of %s; try `%s`."
              .formatted(register, isa.title, x86 ? "rax" : "x0"));
    }
    return List.copyOf(parts);
  }
}
