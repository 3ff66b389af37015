package greenthreads.lab.source;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Words;
import java.io.IOException;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A struct's layout as a machine's headers say, without a compiler: from the declaration, and from
 * the offsets that the assembly uses, which stand behind it, a {@code HOLDS(member, OFFSET)} for
 * each.
 */
public final class HeaderLayout {
  private static final Pattern HOLDS = Pattern.compile("HOLDS\\((\\w+),\\s*(.*)\\);");
  private static final Pattern DECLARATION =
      Pattern.compile("(?:_Alignas\\((\\d+)\\)\\s+)?uint64_t\\s+(\\w[^;]*);");
  private static final Pattern MEMBER = Pattern.compile("(\\w+)(?:\\[(\\d+)\\])?");

  private HeaderLayout() {}

  /**
   * The layout of a struct whose members are {@code uint64_t} or arrays of it.
   *
   * @param folder the folder with the headers
   * @param struct its tag
   * @throws LabException if it is not there, or declaration and offsets contradict each other
   */
  public static StructLayout of(Path folder, String struct) {
    String text = String.join("\n", PlainListing.lines(read(folder)));
    String begin = "struct " + struct + " {";
    int start = text.indexOf(begin);
    if (start < 0) {
      throw new LabException(
          "native/arch/" + folder.getFileName() + "/ has no struct " + struct + ".");
    }
    StructLayout layout =
        declared(struct, text.substring(start + begin.length(), text.indexOf("};", start)));
    int end = text.indexOf("#undef HOLDS", start);
    if (end < 0 || !text.substring(start, end).contains("offsetof(struct " + struct + ",")) {
      return layout; // the assembly does not look into it by these names
    }
    offsets(text, start, end)
        .forEach((member, offset) -> {
          long place = layout.byteOffset(MemoryLayout.PathElement.groupElement(member));
          if (place != offset) {
            throw new LabException(
                "native/arch/%s contradicts itself: %s is declared at %d, and its assembly looks at %d."
                    .formatted(folder.getFileName(), member, place, offset));
          }
        });
    return layout;
  }

  private static StructLayout declared(String struct, String members) {
    var parts = new ArrayList<MemoryLayout>();
    Matcher declaration = DECLARATION.matcher(members);
    while (declaration.find()) {
      Matcher member = MEMBER.matcher(declaration.group(2));
      while (member.find()) {
        MemoryLayout part =
            member.group(2) == null
                ? ValueLayout.JAVA_LONG
                : MemoryLayout.sequenceLayout(
                    Long.parseLong(member.group(2)), ValueLayout.JAVA_LONG);
        if (declaration.group(1) != null) {
          part = part.withByteAlignment(Long.parseLong(declaration.group(1)));
        }
        parts.add(part.withName(member.group(1)));
      }
    }
    return MemoryLayout.structLayout(parts.toArray(new MemoryLayout[0])).withName(struct);
  }

  /** The offsets that the assembly uses, by member. */
  private static Map<String, Long> offsets(String text, int start, int end) {
    var macros = new LinkedHashMap<String, CMacro>();
    var offsets = new LinkedHashMap<String, Long>();
    List<String> lines = text.substring(0, end).lines().map(String::strip).toList();
    long first = text.substring(0, start).lines().count();
    for (int i = 0; i < lines.size(); i++) {
      Matcher holds = HOLDS.matcher(lines.get(i));
      if (CMacro.isDefinition(lines.get(i))) {
        CMacro macro = CMacro.parse(lines.get(i));
        macros.put(macro.name(), macro);
      } else if (i > first && holds.matches()) {
        String offset = CMacro.expand(holds.group(2), macros);
        offsets.put(holds.group(1), CMacro.evaluate(offset, macros));
      }
    }
    return offsets;
  }

  private static String read(Path folder) {
    var text = new StringBuilder();
    try (var headers = Files.newDirectoryStream(folder, "*.h")) {
      for (Path header : headers) {
        text.append(NativeSource.text(header));
      }
    } catch (IOException e) {
      throw new LabException(
          "native/arch/" + folder.getFileName() + " cannot be read: " + Words.reason(e), e);
    }
    return text.toString();
  }
}
