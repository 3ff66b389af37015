package greenthreads.lab.bind;

import java.lang.ref.WeakReference;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;
import java.util.function.Supplier;

/**
 * What a bound object came from, so that its calls can be made elsewhere.
 *
 * @param type the interface
 * @param library the library that its calls run now
 * @param keeper whatever else must live as long as the bound object; may be null
 */
public record Bound(Class<?> type, Supplier<Library> library, Object keeper) {
  /**
   * Weak on both sides: the map must keep neither the bound object nor the library alive. The
   * object holds the record.
   */
  private static final Map<Object, WeakReference<Bound>> KNOWN =
      Collections.synchronizedMap(new WeakHashMap<>());

  static void remember(Object object, Bound bound) {
    KNOWN.put(object, new WeakReference<>(bound));
  }

  public static Optional<Bound> of(Object object) {
    return Optional.ofNullable(KNOWN.get(object)).map(WeakReference::get);
  }
}
