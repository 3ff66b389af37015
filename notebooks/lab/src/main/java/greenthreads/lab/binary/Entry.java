package greenthreads.lab.binary;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** A debugging information entry of DWARF 4 (section 2.1), of those a C interface is made of. */
final class Entry {
  /** What an entry describes (7.5.4). */
  enum Tag {
    ARRAY_TYPE(0x01),
    ENUMERATION_TYPE(0x04),
    FORMAL_PARAMETER(0x05),
    MEMBER(0x0d),
    POINTER_TYPE(0x0f),
    STRUCTURE_TYPE(0x13),
    SUBROUTINE_TYPE(0x15),
    TYPEDEF(0x16),
    UNION_TYPE(0x17),
    UNSPECIFIED_PARAMETERS(0x18),
    SUBRANGE_TYPE(0x21),
    BASE_TYPE(0x24),
    CONST_TYPE(0x26),
    SUBPROGRAM(0x2e),
    VOLATILE_TYPE(0x35),
    RESTRICT_TYPE(0x37),
    /** Of DWARF 5; compilers use it earlier. */
    ATOMIC_TYPE(0x47);

    private final int code;

    Tag(int code) {
      this.code = code;
    }

    /** Empty for what no C interface is made of. */
    static Optional<Tag> of(long code) {
      return Stream.of(values()).filter(tag -> tag.code == code).findFirst();
    }
  }

  /** What is said of it (7.5.4). */
  enum Attribute {
    NAME(0x03),
    BYTE_SIZE(0x0b),
    BIT_SIZE(0x0d),
    STMT_LIST(0x10),
    LOW_PC(0x11),
    PROTOTYPED(0x27),
    UPPER_BOUND(0x2f),
    ABSTRACT_ORIGIN(0x31),
    COUNT(0x37),
    DATA_MEMBER_LOCATION(0x38),
    DECL_FILE(0x3a),
    DECL_LINE(0x3b),
    DECLARATION(0x3c),
    ENCODING(0x3e),
    EXTERNAL(0x3f),
    SPECIFICATION(0x47),
    TYPE(0x49),
    RANGES(0x55),
    /** Of DWARF 5; compilers use it earlier. */
    ALIGNMENT(0x88),
    GNU_VECTOR(0x2107);

    private final int code;

    Attribute(int code) {
      this.code = code;
    }

    /** Empty for what nobody here asks for. */
    static Optional<Attribute> of(long code) {
      return Stream.of(values()).filter(attribute -> attribute.code == code).findFirst();
    }
  }

  /** The value of an attribute that refers to another entry, by its offset in .debug_info. */
  record Reference(long offset) {}

  final Tag tag;
  final long offset;

  /** Whether the entry stands at file scope, directly below its unit. */
  final boolean topLevel;

  /** The source file that declares it, as the compiler was given it; null if it did not say. */
  final String file;

  final List<Entry> children = new ArrayList<>();

  /** Numbers, strings and references. */
  private final Map<Attribute, Object> attributes;

  Entry(Tag tag, long offset, boolean topLevel, String file, Map<Attribute, Object> attributes) {
    this.tag = tag;
    this.offset = offset;
    this.topLevel = topLevel;
    this.file = file;
    this.attributes = attributes;
  }

  /** Its name, or null. */
  String name() {
    return attributes.get(Attribute.NAME) instanceof String name ? name : null;
  }

  /** Whether a flag is set. */
  boolean is(Attribute flag) {
    return number(flag, 0) != 0;
  }

  boolean has(Attribute attribute) {
    return attributes.containsKey(attribute);
  }

  /** A number; {@code otherwise} where there is none, or only one that is known at run time. */
  long number(Attribute attribute, long otherwise) {
    return attributes.get(attribute) instanceof Long number ? number : otherwise;
  }

  /** The offset of the entry that an attribute refers to, or -1. */
  long reference(Attribute attribute) {
    return attributes.get(attribute) instanceof Reference reference ? reference.offset : -1;
  }

  /** The offset of the entry of its type, or -1: none, which for C means void (5.2). */
  long type() {
    return reference(Attribute.TYPE);
  }

  /** Whether a definition is elsewhere. */
  boolean isDeclaration() {
    return is(Attribute.DECLARATION);
  }

  /** Whether the file holds the code of this function (2.17). */
  boolean hasCode() {
    return has(Attribute.LOW_PC) || has(Attribute.RANGES);
  }

  /** Whether a function takes more arguments than it has parameters. */
  boolean isVariadic() {
    return children(Tag.UNSPECIFIED_PARAMETERS).findAny().isPresent();
  }

  /** The entries of one kind directly below this one. */
  Stream<Entry> children(Tag wanted) {
    return children.stream().filter(child -> child.tag == wanted);
  }
}
