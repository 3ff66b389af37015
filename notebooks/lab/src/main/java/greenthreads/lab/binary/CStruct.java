package greenthreads.lab.binary;

import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A C struct or union as the compiler laid it out.
 *
 * @param union whether it is a union
 * @param name its tag, else the typedef through which it was found, else the empty string
 * @param size its size in bytes
 * @param alignment the alignment that the source asks for, or 0
 * @param members its members in order
 */
public record CStruct(boolean union, String name, long size, long alignment, List<Member> members) {

  /**
   * A member.
   *
   * @param name its name; empty for an anonymous struct or union
   * @param offset the offset of its first byte
   * @param type its type
   * @param alignment the alignment that the source asks for, or 0
   * @param isBitField whether it is a bit field, which may begin inside that byte
   */
  record Member(String name, long offset, CType type, long alignment, boolean isBitField) {}

  /**
   * The struct's layout: named members at the offsets the compiler chose, paddings between.
   *
   * <p>The members of an anonymous struct stand among its parent's, as C accesses them. An
   * anonymous union is a member named {@code $union} and its offset, {@code $union8}; an anonymous
   * struct in a union is {@code $struct} and its index. Bit fields have no layout of their own in
   * Java: their bytes are padding.
   *
   * @throws IllegalStateException if this is a union, or what the compiler said makes no sense
   */
  public StructLayout layout() {
    if (union) {
      throw new IllegalStateException("union " + name + " is no struct.");
    }
    return (StructLayout) layout(Long.MAX_VALUE, 0);
  }

  /**
   * The layout of a struct or of a union, where at most {@code limit} of alignment is to be had.
   */
  GroupLayout layout(long limit, int depth) {
    // An array needs a size that is a multiple of the alignment, which tells packed structs.
    long most = size == 0 ? limit : Math.min(limit, Long.lowestOneBit(size));
    try {
      List<MemoryLayout> parts = new ArrayList<>();
      if (union) {
        addAlternatives(parts, most, depth);
      } else {
        addSequence(parts, most, depth);
      }
      MemoryLayout[] elements = parts.toArray(new MemoryLayout[0]);
      GroupLayout group =
          union ? MemoryLayout.unionLayout(elements) : MemoryLayout.structLayout(elements);
      long wanted = Math.max(alignment, hiddenAlignment(most, depth));
      if (wanted > group.byteAlignment() && wanted <= most && Long.bitCount(wanted) == 1) {
        group = group.withByteAlignment(wanted);
      }
      return name.isEmpty() ? group : group.withName(name);
    } catch (IllegalArgumentException e) {
      throw new IllegalStateException(
          "The compiler's description of " + title() + " makes no sense: " + e.getMessage(), e);
    }
  }

  /** The alignment due to members without a layout of their own: bit fields, anonymous structs. */
  private long hiddenAlignment(long most, int depth) {
    long alignment = 0;
    for (Member member : members) {
      boolean hidden = member.isBitField ? !member.name.isEmpty() : member.name.isEmpty();
      if (hidden) {
        MemoryLayout layout = member.type.layout(most, member.alignment, depth);
        alignment = Math.max(alignment, layout.byteAlignment());
      }
    }
    return alignment;
  }

  private void addAlternatives(List<MemoryLayout> parts, long most, int depth) {
    long longest = 0;
    for (int i = 0; i < members.size(); i++) {
      Member member = members.get(i);
      if (!member.isBitField) {
        MemoryLayout layout = member.type.layout(most, member.alignment, depth);
        longest = Math.max(longest, layout.byteSize());
        parts.add(layout.withName(member.name.isEmpty() ? "$struct" + i : member.name));
      }
    }
    if (longest > size) {
      throw new IllegalArgumentException("its members are longer than itself.");
    }
    if (longest < size) {
      parts.add(MemoryLayout.paddingLayout(size));
    }
  }

  private void addSequence(List<MemoryLayout> parts, long most, int depth) {
    long end = 0;
    for (Member member : members) {
      if (member.isBitField) {
        continue;
      }
      if (member.offset < end) {
        throw new IllegalArgumentException("member " + member.name + " overlaps another.");
      }
      if (member.offset > end) {
        parts.add(MemoryLayout.paddingLayout(member.offset - end));
      }
      long limit = member.offset == 0 ? most : Math.min(most, Long.lowestOneBit(member.offset));
      MemoryLayout layout = member.type.layout(limit, member.alignment, depth);
      end = member.offset + layout.byteSize();
      if (member.name.isEmpty() && layout instanceof StructLayout inner) {
        parts.addAll(inner.memberLayouts());
      } else {
        parts.add(layout.withName(member.name.isEmpty() ? "$union" + member.offset : member.name));
      }
    }
    if (end > size) {
      throw new IllegalArgumentException("its members are longer than itself.");
    }
    if (end < size) {
      parts.add(MemoryLayout.paddingLayout(size - end));
    }
  }

  private String title() {
    String keyword = union ? "union" : "struct";
    return name.isEmpty() ? keyword : keyword + " " + name;
  }
}
