package greenthreads.lab.compile;

import greenthreads.lab.base.Program;
import greenthreads.lab.base.Scratch;
import greenthreads.lab.machine.Isa;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Shows machine code as instructions, with the tools that came with the compiler: GNU objdump or
 * LLVM's. Without one, the bytes are shown.
 */
public final class Disassembler {
  /**
   * One instruction.
   *
   * @param offset where it is: an offset in the library, or an address
   * @param bytes its bytes as hexadecimal digits
   * @param text in the Intel dialect on x86-64; empty if there is no tool to tell
   * @param source file and line, as {@code 03-swap.c:41}; empty if not known
   */
  public record Instruction(long offset, String bytes, String text, String source) {
    /** The operation's name; empty if not known. */
    public String mnemonic() {
      String[] words = text.split("\\s+");
      boolean prefix = words.length > 1 && PREFIXES.contains(words[0]);
      return prefix ? words[1] : words[0];
    }

    /** What follows the operation's name. */
    public String operands() {
      int at = text.indexOf(mnemonic());
      return at < 0 ? "" : text.substring(at + mnemonic().length()).strip();
    }

    public int length() {
      return bytes.replace(" ", "").length() / 2;
    }
  }

  private static final List<String> PREFIXES =
      List.of("lock", "rep", "repz", "repnz", "bnd", "notrack", "data16");

  /** {@code 1139:\t55 \tpush rbp}: both tools, both architectures. */
  private static final Pattern LINE =
      Pattern.compile("^\\s*([0-9a-f]+):\\s+((?:[0-9a-f]{2} |[0-9a-f]{8} )+)\\s*(.*)$");

  /** {@code /path/file.c:12} or {@code ; /path/file.c:12}. */
  private static final Pattern SOURCE =
      Pattern.compile("^(?:; )?(\\S.*?):(\\d+)(?: \\(discriminator \\d+\\))?$");

  private final Optional<Path> tool;

  private Disassembler(Optional<Path> tool) {
    this.tool = tool;
  }

  /** One that has no tool. */
  public static Disassembler none() {
    return new Disassembler(Optional.empty());
  }

  /**
   * Looks for the objdump that belongs to a compiler, then for any other.
   *
   * @param compiler the compiler's command
   */
  public static Disassembler find(List<String> compiler, Map<String, String> environment) {
    var names = new ArrayList<String>();
    String program = compiler.isEmpty() ? "" : compiler.getFirst();
    String sibling = program.replaceFirst("(gcc|clang|cc)(-[0-9.]+)?$", "objdump");
    if (!sibling.equals(program)) {
      names.add(sibling);
    }
    names.addAll(List.of("objdump", "llvm-objdump"));
    return new Disassembler(
        names.stream()
            .map(name -> Program.find(name, environment.getOrDefault("PATH", "")))
            .flatMap(Optional::stream)
            .findFirst());
  }

  public boolean hasTool() {
    return tool.isPresent();
  }

  /**
   * The instructions of a library from one offset to another.
   *
   * @param isa whose code it is; that of x86-64 is shown in the Intel dialect
   * @param lines whether to look for source lines, which takes long in a large library
   * @return in order; empty if there is no tool, or the file is not its kind
   */
  public List<Instruction> library(Path file, long from, long to, Isa isa, boolean lines) {
    if (tool.isEmpty()) {
      return List.of();
    }
    var command = new ArrayList<>(List.of(tool.get().toString(), "-d"));
    if (lines) {
      command.add("-l");
    }
    if (isa == Isa.X86_64) {
      command.addAll(List.of("-M", "intel"));
    }
    command.add("--start-address=0x" + Long.toHexString(from));
    command.add("--stop-address=0x" + Long.toHexString(to));
    command.add(file.toString());
    return parse(Program.run(command).output());
  }

  /** Code that is in no file: only GNU's tool can be given bare bytes. */
  public List<Instruction> bytes(byte[] code, long address, Isa isa) {
    if (tool.isEmpty() || code.length == 0) {
      return List.of();
    }
    try {
      Path folder = Scratch.folder("code-");
      Path file = folder.resolve("code.bin");
      try {
        Files.write(file, code);
        var command = new ArrayList<>(List.of(tool.get().toString(), "-D", "-b", "binary", "-m"));
        command.addAll(
            switch (isa) {
              case X86_64 -> List.of("i386:x86-64", "-M", "intel");
              case AARCH64 -> List.of("aarch64");
            });
        command.add("--adjust-vma=0x" + Long.toHexString(address));
        command.add(file.toString());
        return parse(Program.run(command).output());
      } finally {
        Files.deleteIfExists(file);
        Files.delete(folder);
      }
    } catch (IOException e) {
      return List.of(); // no room for a temporary file: the bytes are shown instead
    }
  }

  public static List<Instruction> parse(String output) {
    var all = new ArrayList<Instruction>();
    String source = "";
    for (String line : output.lines().toList()) {
      var instruction = LINE.matcher(line);
      var place = SOURCE.matcher(line);
      if (instruction.matches()) {
        String text = instruction.group(3).replaceAll("\\s+", " ").strip();
        long offset = Long.parseUnsignedLong(instruction.group(1), 16);
        String bytes = instruction.group(2).strip();
        if (text.isEmpty() && !all.isEmpty()) { // a long instruction goes on
          Instruction last = all.removeLast();
          all.add(
              new Instruction(
                  last.offset(), last.bytes() + " " + bytes, last.text(), last.source()));
        } else {
          all.add(new Instruction(offset, bytes, text, source));
        }
      } else if (place.matches()) {
        String file = place.group(1);
        source = file.substring(file.lastIndexOf('/') + 1) + ":" + place.group(2);
      } else if (line.endsWith(">:")) {
        source = ""; // another function: what was said of the last one does not hold here
      }
    }
    return all;
  }

  /** Bytes in place of instructions, with nothing said about them. */
  public static Instruction raw(byte[] code, long address) {
    return new Instruction(address, HexFormat.ofDelimiter(" ").formatHex(code), "", "");
  }
}
