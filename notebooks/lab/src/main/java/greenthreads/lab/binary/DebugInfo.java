package greenthreads.lab.binary;

import greenthreads.lab.binary.DwarfReader.Entry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the C compiler said of a compiled file: the prototypes of its functions and the layouts of
 * its structs, read from the DWARF that {@code -g} puts there.
 *
 * <p>It is what lets a Java interface be held against the C it binds to, and a Java layout against
 * the offsets the code really uses, without a C parser.
 *
 * <p>An instance is immutable and never throws: all reading is done in {@link #read}. References
 * between types are followed when asked for, since types refer to themselves.
 */
public final class DebugInfo {
  /** Longer chains of typedefs and qualifiers than this are damage: a circle, most likely. */
  static final int MAX_DEPTH = 64;

  private static final DebugInfo EMPTY = new DebugInfo(List.of());

  private final List<Entry> entries;
  private final Map<String, Entry> functions = new LinkedHashMap<>();
  private final Map<String, Entry> structs = new LinkedHashMap<>();
  private final Map<String, Entry> typedefs = new HashMap<>();

  private DebugInfo(List<Entry> entries) {
    this.entries = entries;
    for (Entry entry : entries) {
      if (entry.topLevel) {
        index(entry);
      }
    }
    for (Entry entry : entries) { // what is declared inside functions yields to file scope
      if (!entry.topLevel) {
        index(entry);
      }
    }
  }

  /**
   * Reads a library (ELF) or an object file (Mach-O).
   *
   * @return what the compiler said; nothing where the file was compiled without {@code -g}
   * @throws IOException if the file cannot be read, is of another kind, or is damaged
   */
  public static DebugInfo read(Path object) throws IOException {
    ObjectFile file = ObjectFile.read(object);
    try {
      List<Entry> entries = DwarfReader.read(file);
      return entries.isEmpty() ? EMPTY : new DebugInfo(entries);
    } catch (IOException e) {
      throw new IOException(object.getFileName() + ": " + e.getMessage(), e);
    }
  }

  /** What is known of a file that says nothing. */
  static DebugInfo empty() {
    return EMPTY;
  }

  /** Whether nothing is known. */
  boolean isEmpty() {
    return entries.isEmpty();
  }

  /** The function of this name: its definition, or else the declaration it is called by. */
  public Optional<CFunction> function(String name) {
    Entry entry = functions.get(name);
    return entry == null ? Optional.empty() : Optional.of(function(entry));
  }

  /** The functions that the file defines, by file and line. */
  public List<CFunction> functions() {
    List<CFunction> all = new ArrayList<>();
    for (Entry entry : functions.values()) {
      if (entry.hasCode) {
        all.add(function(entry));
      }
    }
    all.sort(
        Comparator.comparing((CFunction function) -> String.valueOf(function.file()))
            .thenComparingInt(CFunction::line));
    return List.copyOf(all);
  }

  /**
   * The struct or union of this name, by its tag ({@code context} or {@code struct context}) or by
   * the name of a typedef.
   */
  public Optional<CStruct> struct(String name) {
    String tag = name;
    if (name.startsWith("struct ") || name.startsWith("union ")) {
      tag = name.substring(name.indexOf(' ') + 1).strip();
    }
    Entry entry = structs.get(tag);
    return entry != null ? Optional.of(struct(entry)) : type(name).flatMap(CType::struct);
  }

  /** The structs and unions that have a tag. */
  List<CStruct> structs() {
    List<CStruct> all = new ArrayList<>();
    for (Entry entry : structs.values()) {
      all.add(struct(entry));
    }
    return List.copyOf(all);
  }

  /** The type that a typedef names. */
  Optional<CType> type(String typedef) {
    Entry entry = typedefs.get(typedef);
    return entry == null ? Optional.empty() : Optional.of(new CType(this, entry));
  }

  private void index(Entry entry) {
    switch (entry.tag) {
      case DwarfReader.TAG_SUBPROGRAM -> indexFunction(entry);
      case DwarfReader.TAG_STRUCTURE_TYPE, DwarfReader.TAG_UNION_TYPE -> {
        if (entry.name != null && !entry.declaration) {
          structs.putIfAbsent(entry.name, entry);
        }
      }
      case DwarfReader.TAG_TYPEDEF -> {
        if (entry.name != null) {
          typedefs.putIfAbsent(entry.name, entry);
        }
      }
      default -> {}
    }
  }

  /**
   * A compiler splits a function that it both inlined and kept: the abstract instance has the name
   * and the types, the concrete one has the code and refers to it (DWARF 5, section 3.3.8). So does
   * a definition to an earlier declaration. The one with the code is indexed, if there is one.
   */
  private void indexFunction(Entry entry) {
    String name = origin(entry).name;
    if (name == null) {
      return;
    }
    Entry known = functions.get(name);
    if (known == null || rank(entry) > rank(known)) {
      functions.put(name, entry);
    }
  }

  private static int rank(Entry function) {
    return function.hasCode ? 2 : function.declaration ? 0 : 1;
  }

  private CFunction function(Entry entry) {
    Entry origin = origin(entry);
    Entry described = hasParameters(entry) ? entry : origin;
    List<CFunction.Parameter> parameters = new ArrayList<>();
    boolean variadic = false;
    for (Entry child : described.children) {
      if (child.tag == DwarfReader.TAG_FORMAL_PARAMETER) {
        Entry parameter = origin(child); // that of a concrete instance has neither name nor type
        parameters.add(new CFunction.Parameter(parameter.name, new CType(this, parameter.type)));
      } else if (child.tag == DwarfReader.TAG_UNSPECIFIED_PARAMETERS) {
        variadic = true;
      }
    }
    Entry place = entry.file != null ? entry : origin;
    return new CFunction(
        origin.name,
        new CType(this, origin.type),
        List.copyOf(parameters),
        origin.prototyped || entry.prototyped,
        variadic,
        origin.external || entry.external,
        entry.hasCode,
        place.file,
        place.line);
  }

  private static boolean hasParameters(Entry function) {
    for (Entry child : function.children) {
      if (child.tag == DwarfReader.TAG_FORMAL_PARAMETER) {
        return true;
      }
    }
    return false;
  }

  /** The struct or union that an entry describes. */
  CStruct struct(Entry entry) {
    boolean union = entry.tag == DwarfReader.TAG_UNION_TYPE;
    List<CStruct.Member> members = new ArrayList<>();
    for (Entry child : entry.children) {
      if (child.tag == DwarfReader.TAG_MEMBER) {
        members.add(member(child));
      }
    }
    String name = entry.name == null ? "" : entry.name;
    long size = Math.max(0, entry.byteSize);
    return new CStruct(union, name, size, entry.alignment, List.copyOf(members));
  }

  private CStruct.Member member(Entry entry) {
    CType type = new CType(this, entry.type);
    long offset = Math.max(0, entry.memberOffset);
    long bit = 0;
    if (entry.bitSize > 0) {
      bit = 8 * offset;
      if (entry.bitOffset >= 0) {
        bit += entry.bitOffset;
      } else if (entry.bitsAbove >= 0) {
        long storage = entry.byteSize > 0 ? entry.byteSize : type.size();
        bit += 8 * storage - entry.bitsAbove - entry.bitSize;
      }
      offset = bit / 8;
      bit %= 8;
    }
    String name = entry.name == null ? "" : entry.name;
    return new CStruct.Member(name, offset, type, entry.alignment, Math.max(0, entry.bitSize), bit);
  }

  /** The complete struct of this tag, for one that is only declared where it is used. */
  Entry completed(Entry entry) {
    Entry complete = entry.declaration ? structs.get(entry.name) : entry;
    return complete != null && complete.tag == entry.tag ? complete : entry;
  }

  /** The entry that has the name: the one at the end of a chain of origins. */
  private Entry origin(Entry entry) {
    Entry current = entry;
    for (int i = 0; i < MAX_DEPTH && current.name == null && current.origin != -1; i++) {
      Entry next = entry(current.origin);
      if (next == null) {
        break;
      }
      current = next;
    }
    return current;
  }

  /** The entry at an offset of .debug_info, or null if none of the wanted ones begins there. */
  Entry entry(long offset) {
    int low = 0;
    int high = entries.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      Entry candidate = entries.get(middle);
      if (candidate.offset == offset) {
        return candidate;
      }
      if (candidate.offset < offset) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return null;
  }
}
