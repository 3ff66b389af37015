package greenthreads.lab.binary;

import greenthreads.lab.binary.Entry.Attribute;
import greenthreads.lab.binary.Entry.Tag;
import java.io.IOException;
import java.nio.file.Path;
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

  /** By their offsets, which is how they refer to each other. */
  private final Map<Long, Entry> entries;

  private final Map<String, Entry> functions = new LinkedHashMap<>();
  private final Map<String, Entry> structs = new LinkedHashMap<>();
  private final Map<String, Entry> typedefs = new HashMap<>();

  private DebugInfo(Map<Long, Entry> entries) {
    this.entries = entries;
    // What is declared inside functions yields to file scope.
    entries.values().stream().filter(entry -> entry.topLevel).forEach(this::index);
    entries.values().stream().filter(entry -> !entry.topLevel).forEach(this::index);
  }

  /**
   * Reads a library (ELF, PE) or an object file (Mach-O).
   *
   * @return what the compiler said; nothing where the file was compiled without {@code -g}
   * @throws IOException if the file cannot be read, is of another kind, or is damaged
   */
  public static DebugInfo read(Path object) throws IOException {
    ObjectFile file = ObjectFile.read(object);
    try {
      return new DebugInfo(DwarfReader.read(file));
    } catch (IOException e) {
      throw new IOException(object.getFileName() + ": " + e.getMessage(), e);
    }
  }

  /** The function of this name: its definition, or else the declaration it is called by. */
  public Optional<CFunction> function(String name) {
    return Optional.ofNullable(functions.get(name)).map(this::function);
  }

  /** The functions that the file defines, by file and line. */
  public List<CFunction> functions() {
    return functions.values().stream()
        .filter(Entry::hasCode)
        .map(this::function)
        .sorted(
            Comparator.comparing((CFunction function) -> String.valueOf(function.file()))
                .thenComparingInt(CFunction::line))
        .toList();
  }

  /**
   * The struct or union of this name, by its tag ({@code context} or {@code struct context}) or by
   * the name of a typedef.
   */
  public Optional<CStruct> struct(String name) {
    Entry tagged = structs.get(name.replaceFirst("^(struct|union) +", ""));
    return tagged != null
        ? Optional.of(struct(tagged, ""))
        : Optional.ofNullable(typedefs.get(name))
            .flatMap(entry -> new CType(this, entry.offset).struct());
  }

  private void index(Entry entry) {
    switch (entry.tag) {
      case SUBPROGRAM -> indexFunction(entry);
      case STRUCTURE_TYPE, UNION_TYPE -> {
        if (entry.name() != null && !entry.isDeclaration()) {
          structs.putIfAbsent(entry.name(), entry);
        }
      }
      case TYPEDEF -> typedefs.putIfAbsent(entry.name(), entry);
      default -> {}
    }
  }

  /**
   * A compiler splits a function that it both inlined and kept: the abstract instance has the name
   * and the types, the concrete one has the code and refers to it (DWARF 4, section 3.3.8). So does
   * a definition to an earlier declaration. The one with the code is indexed, if there is one.
   */
  private void indexFunction(Entry entry) {
    String name = origin(entry).name();
    if (name != null) {
      functions.merge(name, entry, (known, other) -> rank(other) > rank(known) ? other : known);
    }
  }

  private static int rank(Entry function) {
    return function.hasCode() ? 2 : function.isDeclaration() ? 0 : 1;
  }

  private CFunction function(Entry entry) {
    Entry origin = origin(entry);
    boolean isConcrete = entry.children(Tag.FORMAL_PARAMETER).findAny().isPresent();
    Entry described = isConcrete ? entry : origin;
    List<CFunction.Parameter> parameters =
        described
            .children(Tag.FORMAL_PARAMETER)
            .map(this::origin) // that of a concrete instance has neither name nor type
            .map(each -> new CFunction.Parameter(each.name(), new CType(this, each.type())))
            .toList();
    Entry place = entry.file != null ? entry : origin;
    return new CFunction(
        origin.name(),
        new CType(this, origin.type()),
        parameters,
        origin.is(Attribute.PROTOTYPED) || entry.is(Attribute.PROTOTYPED),
        described.isVariadic(),
        origin.is(Attribute.EXTERNAL) || entry.is(Attribute.EXTERNAL),
        place.file,
        (int) place.number(Attribute.DECL_LINE, 0));
  }

  /**
   * The struct or union that an entry describes.
   *
   * @param otherwise its name if it has no tag
   */
  CStruct struct(Entry entry, String otherwise) {
    return new CStruct(
        entry.tag == Tag.UNION_TYPE,
        entry.name() == null ? otherwise : entry.name(),
        Math.max(0, entry.number(Attribute.BYTE_SIZE, 0)),
        entry.number(Attribute.ALIGNMENT, 0),
        entry.children(Tag.MEMBER).map(this::member).toList());
  }

  private CStruct.Member member(Entry entry) {
    return new CStruct.Member(
        entry.name() == null ? "" : entry.name(),
        Math.max(0, entry.number(Attribute.DATA_MEMBER_LOCATION, 0)),
        new CType(this, entry.type()),
        entry.number(Attribute.ALIGNMENT, 0),
        entry.has(Attribute.BIT_SIZE));
  }

  /** The complete struct of this tag, for one that is only declared where it is used. */
  Entry completed(Entry entry) {
    Entry complete = entry.isDeclaration() ? structs.get(entry.name()) : entry;
    return complete != null && complete.tag == entry.tag ? complete : entry;
  }

  /** The entry that has the name: the one at the end of a chain of origins. */
  private Entry origin(Entry entry) {
    Entry current = entry;
    for (int i = 0; i < MAX_DEPTH && current.name() == null; i++) {
      long offset = current.reference(Attribute.ABSTRACT_ORIGIN);
      Entry next = entries.get(offset != -1 ? offset : current.reference(Attribute.SPECIFICATION));
      if (next == null) {
        break;
      }
      current = next;
    }
    return current;
  }

  /** The entry at an offset of .debug_info, or null if none of the wanted ones begins there. */
  Entry entry(long offset) {
    return entries.get(offset);
  }
}
