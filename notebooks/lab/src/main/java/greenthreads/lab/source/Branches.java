package greenthreads.lab.source;

import greenthreads.lab.source.SourceFile.Item;
import greenthreads.lab.source.SourceFile.Kind;
import java.util.ArrayList;
import java.util.List;

/** Which branches of which conditionals a place of a file is in. */
final class Branches {
  private final List<Integer> path = new ArrayList<>();
  private int count;

  /** Whether a directive of this name begins or ends a branch. */
  static boolean isConditional(String directive) {
    return Splitter.opens(directive) || Splitter.branches(directive) || directive.equals("endif");
  }

  void pass(Item item) {
    if (item.kind() != Kind.DIRECTIVE) {
      return;
    }
    if (Splitter.opens(item.name())) {
      path.add(++count);
    } else if (!path.isEmpty() && Splitter.branches(item.name())) {
      path.set(path.size() - 1, ++count);
    } else if (!path.isEmpty() && item.name().equals("endif")) {
      path.removeLast();
    }
  }

  /** Each branch by a number of its own, the outermost first; empty outside of them all. */
  List<Integer> path() {
    return List.copyOf(path);
  }
}
