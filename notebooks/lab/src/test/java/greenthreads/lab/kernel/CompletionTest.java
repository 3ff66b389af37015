package greenthreads.lab.kernel;

import static org.junit.jupiter.api.Assertions.assertTrue;

import greenthreads.lab.Lab;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class CompletionTest {
  /** Or it would be offered nowhere. */
  @Test
  void whatIsOfferedIsForMethodsThatTheLabHas() {
    var methods =
        Arrays.stream(Lab.class.getMethods()).map(m -> m.getName()).collect(Collectors.toSet());
    assertTrue(methods.containsAll(Completion.PARAMETERS.keySet()), methods::toString);
  }
}
