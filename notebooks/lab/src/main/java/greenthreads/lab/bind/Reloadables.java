package greenthreads.lab.bind;

import greenthreads.lab.base.LabException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MutableCallSite;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;

/** The bound interfaces that follow their sources; those nobody uses any more drop out. */
final class Reloadables {
  private final List<WeakReference<Reloadable<?>>> all = new ArrayList<>();

  /** Binds an interface, and remembers it as long as the bound object is in use. */
  synchronized <T> T add(Reloadable<T> reloadable) {
    all.removeIf(reference -> reference.get() == null);
    all.add(new WeakReference<>(reloadable));
    return reloadable.implement();
  }

  synchronized List<Reloadable<?>> alive() {
    var alive = new ArrayList<Reloadable<?>>();
    for (WeakReference<Reloadable<?>> reference : all) {
      Reloadable<?> reloadable = reference.get();
      if (reloadable != null) {
        alive.add(reloadable);
      }
    }
    return alive;
  }

  /**
   * One interface bound to one source: a call site for each method, whose target can be exchanged.
   */
  static final class Reloadable<T> {
    private final String name;
    private final List<String> options;
    private final Class<T> type;
    private final List<MutableCallSite> sites;
    private final boolean inKernel;
    private volatile Library library;
    private volatile String key;
    private volatile LabException failure;

    /**
     * @param inKernel whether its code runs in this process even if it was changed
     * @throws LabException if the library does not fit the interface
     */
    Reloadable(
        String name,
        List<String> options,
        Class<T> type,
        Library library,
        String key,
        boolean inKernel) {
      this.inKernel = inKernel;
      this.name = name;
      this.options = options;
      this.type = type;
      this.library = library;
      this.key = key;
      this.sites = library.handles(type).stream().map(MutableCallSite::new).toList();
    }

    String name() {
      return name;
    }

    Class<T> type() {
      return type;
    }

    List<String> options() {
      return options;
    }

    boolean inKernel() {
      return inKernel;
    }

    /** The same source and interface, in this process. */
    Reloadable<T> toKernel() {
      return new Reloadable<>(name, options, type, current().inKernel(), key, true);
    }

    /** Names the source that the calls run now, or that they failed to follow. */
    String key() {
      return key;
    }

    private T implement() {
      List<MethodHandle> handles = sites.stream().map(MutableCallSite::dynamicInvoker).toList();
      Bound origin = new Bound(type, this::current, this);
      T bound = Binding.implement(type, handles, origin);
      Bound.remember(bound, origin);
      return bound;
    }

    private Library current() {
      LabException reason = failure;
      if (reason != null) {
        throw reason;
      }
      return library;
    }

    /** From now on calls run this library's code. */
    void turnOver(Library next, String nextKey) {
      setTargets(next.handles(type));
      library.leave();
      library = next;
      key = nextKey;
      failure = null;
    }

    /** From now on calls throw, until the source changes again. */
    void fail(LabException reason, String failedKey) {
      setTargets(
          sites.stream()
              .map(site -> {
                MethodHandle thrower =
                    MethodHandles.throwException(site.type().returnType(), LabException.class);
                return MethodHandles.dropArguments(
                    thrower.bindTo(reason), 0, site.type().parameterList());
              })
              .toList());
      key = failedKey;
      failure = reason;
    }

    private void setTargets(List<MethodHandle> targets) {
      for (int i = 0; i < sites.size(); i++) {
        sites.get(i).setTarget(targets.get(i));
      }
      MutableCallSite.syncAll(sites.toArray(MutableCallSite[]::new));
    }
  }
}
