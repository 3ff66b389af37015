package greenthreads.lab.bind;

import greenthreads.lab.base.LabException;
import greenthreads.lab.base.Platform;
import greenthreads.lab.base.Words;
import greenthreads.lab.binary.LibraryInfo;
import greenthreads.lab.call.CodeHome;
import greenthreads.lab.call.CodeMap;
import greenthreads.lab.call.JavaType;
import greenthreads.lab.call.KnownMemory;
import greenthreads.lab.call.NativeOutput;
import greenthreads.lab.call.Signature;
import greenthreads.lab.compile.Compiler;
import greenthreads.lab.crash.CrashReport;
import greenthreads.lab.crash.NativeCrash;
import greenthreads.lab.isolate.CallShape;
import greenthreads.lab.isolate.Crash;
import greenthreads.lab.isolate.HostReport;
import greenthreads.lab.isolate.IsolationTools;
import greenthreads.lab.isolate.LivingProcess;
import greenthreads.lab.isolate.Message;
import greenthreads.lab.isolate.Mirror;
import greenthreads.lab.isolate.RunEnd;
import greenthreads.lab.isolate.SharedMemory;
import greenthreads.lab.source.NativeSource;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.Cleaner;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A library that a process of its own has loaded, and that lives on there between calls.
 *
 * <p>Its global variables keep their values; memory that it is given lies at the same address there
 * ({@link SharedMemory}); what it prints stands under the cell, as after any call. If a call
 * crashes, ends the process or takes too long, only that process is lost: the end is reported, and
 * the next call starts it anew.
 */
final class LivingHome implements CodeHome {
  /** How long a call may take. */
  static final Duration LIMIT = Duration.ofSeconds(30);

  private static final Cleaner CLEANER = Cleaner.create();
  private static final MethodHandle CALL;

  static {
    try {
      CALL =
          MethodHandles.lookup()
              .findVirtual(Call.class, "make", MethodType.methodType(Object.class, Object[].class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final NativeSource source;
  private final Compiler.Built built;
  private final LibraryInfo info;
  private final Supplier<IsolationTools> tools;
  private final Consumer<String> say;
  private final AtomicReference<LivingProcess> running = new AtomicReference<>();
  private volatile LivingProcess met;
  private volatile long base;
  private volatile long pid;
  private volatile boolean stateLost;

  LivingHome(
      NativeSource source,
      Compiler.Built built,
      LibraryInfo info,
      Supplier<IsolationTools> tools,
      Consumer<String> say) {
    this.source = source;
    this.built = built;
    this.info = info;
    this.tools = tools;
    this.say = say;
    var process = running; // the action must not hold this object
    CLEANER.register(this, () -> close(process.getAndSet(null)));
  }

  private static void close(LivingProcess process) {
    if (process != null) {
      process.close();
    }
  }

  @Override
  public MethodHandle handle(Signature signature) {
    var call = new Call(this, signature.name(), CallShape.of(signature));
    Class<?>[] parameters =
        signature.parameters().stream().map(JavaType::carrier).toArray(Class<?>[]::new);
    return CALL.bindTo(call)
        .asCollector(Object[].class, parameters.length)
        .asType(MethodType.methodType(signature.result().carrier(), parameters));
  }

  @Override
  public Optional<MemorySegment> look(String symbol) {
    if (!info.functions().exports(symbol)) {
      return Optional.empty();
    }
    return Optional.of((MemorySegment) call(symbol, new CallShape(""), new Object[0]));
  }

  @Override
  public long base() {
    return base;
  }

  @Override
  public void leave() {
    close(running.getAndSet(null));
  }

  /** A function of it; holds it as long as somebody can call. */
  private record Call(LivingHome home, String function, CallShape shape) {
    Object make(Object... arguments) {
      return home.call(function, shape, arguments);
    }
  }

  private Object call(String function, CallShape shape, Object[] arguments) {
    long start = System.nanoTime();
    LivingProcess process = null;
    try {
      process = process();
      meet(process);
      LivingProcess.Lane lane = process.take();
      try {
        return call(process, lane, function, shape, arguments);
      } finally {
        process.giveBack(lane);
      }
    } catch (ClosedByInterruptException | InterruptedException e) {
      throw interrupted(process, function);
    } catch (BufferUnderflowException e) {
      forget(process);
      process.close();
      throw new LabException(
          ("`%s` came back, and what its process then said of it cannot be read: the code has"
                  + " overwritten memory that is not its own, such as its caller's stack. The next"
                  + " call starts the process anew.")
              .formatted(function),
          e);
    } catch (IOException e) {
      forget(process);
      try {
        throw ended(process.end(), function, arguments, System.nanoTime() - start);
      } catch (InterruptedException interrupt) {
        throw interrupted(process, function);
      }
    } finally {
      NativeOutput.drain();
    }
  }

  /**
   * Ends a process, since whoever called was interrupted.
   *
   * @param process null: it was about to be started, and is gone already
   */
  private LabException interrupted(LivingProcess process, String function) {
    Thread.interrupted(); // so that the wait is not cut short
    if (process != null) {
      forget(process);
      process.closeAndWait();
    }
    Thread.currentThread().interrupt();
    return new LabException(
        ("Interrupted: the call of `%s` was ended, with its process and all that had started."
                + " The next call starts it anew, with its variables as at the beginning.")
            .formatted(function));
  }

  private Object call(
      LivingProcess process,
      LivingProcess.Lane lane,
      String function,
      CallShape shape,
      Object[] arguments)
      throws IOException {
    synchronized (process.memory()) {
      for (int i = 0; i < arguments.length; i++) {
        if (shape.parameters().charAt(i) == 'p') {
          share(process, function, i, (MemorySegment) arguments[i]);
        }
      }
      if (process.memory().hasFresh()) {
        agree(process, lane); // before a call at the same time can rely on it
      }
    }
    Mirror.collect(pid);
    Message message = lane.message();
    process.memory().writeChanges(message);
    write(message, function, shape, arguments);
    return read(process, lane, function, shape);
  }

  /** Makes the process map what it is to share from now on, and calls nothing. */
  private void agree(LivingProcess process, LivingProcess.Lane lane) throws IOException {
    Message message = lane.message();
    process.memory().writeChanges(message);
    text(message, "");
    text(message, "");
    ByteBuffer answer = lane.exchange();
    if (answer.get() == 'o') {
      forget(process);
      process.close();
      throw new LabException(
          ("The memory at 0x%x is taken by something else in the process that %s runs in. Run the"
                  + " cell again: the process is started anew, at other addresses.")
              .formatted(answer.getLong(), source.title()));
    }
  }

  // ----- the process -----------------------------------------------------------------------------

  private LivingProcess process() throws ClosedByInterruptException {
    LivingProcess process = running.get();
    return process != null && process.isAlive() ? process : start();
  }

  private synchronized LivingProcess start() throws ClosedByInterruptException {
    LivingProcess process = running.get();
    if (process != null && process.isAlive()) {
      return process;
    }
    if (process != null) {
      stateLost = true;
      process.close();
    }
    restore();
    process = LivingProcess.start(tools.get().host(), built.library(), anyFunction(), LIMIT);
    running.set(process);
    if (stateLost) {
      stateLost = false;
      say.accept(
          source.title()
              + ": its process is started anew, and its variables are as at the beginning.");
    }
    return process;
  }

  private void restore() throws ClosedByInterruptException {
    try {
      built.restore();
    } catch (ClosedByInterruptException e) {
      throw e;
    } catch (IOException e) {
      throw new LabException(
          source.title() + " was compiled but cannot be read back: " + Words.reason(e), e);
    }
  }

  /**
   * Learns where a process has loaded the library, so that addresses in it can be named.
   *
   * @throws IOException if it could not load it
   */
  private void meet(LivingProcess process) throws IOException, InterruptedException {
    if (met != process) {
      HostReport loaded = process.loaded();
      base = loaded.number("library", 0).orElse(0);
      pid = Long.parseLong(loaded.word("pid"));
      String file = built.library().toAbsolutePath().toString();
      CodeMap.remember(
          this,
          info.functions(),
          base,
          loaded.mappings().stream().filter(mapping -> mapping.name().equals(file)).toList());
      met = process;
    }
  }

  private String anyFunction() {
    return info.functions().names().stream()
        .filter(info.functions()::exports)
        .findFirst()
        .orElse("");
  }

  private void forget(LivingProcess process) {
    Mirror.forget(pid);
    if (running.compareAndSet(process, null)) {
      stateLost = true;
    }
  }

  private LabException ended(
      LivingProcess.End end, String function, Object[] arguments, long nanos) {
    var given = new ArrayList<HostReport.Argument>();
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i] instanceof MemorySegment segment && segment.byteSize() > 0) {
        given.add(new HostReport.Argument(i, segment.address(), segment.byteSize()));
      }
    }
    given.forEach(end.report()::add);
    HostReport failed = end.report().has("failed") ? end.report() : end.ending();
    if (failed.has("failed")) {
      return new LabException(
          "%s could not be called in a process of its own: %s."
              .formatted(function, failed.word("failed")));
    }
    var run = new RunEnd(built.library(), function, LIMIT, 0, "", Map.of(), Map.of());
    Crash crash = run.crash(end.report(), end.ending(), Duration.ofNanos(nanos));
    return new NativeCrash(crash, CrashReport.of(crash, tools.get().disassembler()));
  }

  // ----- a call's message, as live.c has it ------------------------------------------------------

  private void share(LivingProcess process, String function, int index, MemorySegment segment) {
    String name = CallShape.argument(function, index, segment);
    if (!segment.isNative()) {
      throw new LabException(
          name + " lies in Java's own memory: allocate it in an arena, Arena.ofAuto() say.");
    }
    if (segment.address() == 0) {
      return;
    }
    CallShape.requireReadable(name, segment);
    if (isMirrored(segment.address())) {
      return; // its own memory comes back
    }
    if (segment.byteSize() == 0) {
      if (!process.memory().holds(segment.address())) {
        throw new LabException(
            (name
                    + " is a bare address (0x%x, of no known size) in this process.\n%s has been"
                    + " changed and runs in a process of its own: there the address means nothing."
                    + " Pass a segment that has a size; or ask for this kernel's process:"
                    + " Lab.inKernel.")
                .formatted(segment.address(), source.title()));
      }
      return;
    }
    if (segment.byteSize() > SharedMemory.MOST) {
      throw new LabException(
          "%s has %,d bytes; a process of its own can be given %d MiB at most."
              .formatted(name, segment.byteSize(), SharedMemory.MOST >> 20));
    }
    process.memory().share(KnownMemory.whole(KnownMemory.given(segment)));
  }

  private static void write(Message message, String function, CallShape shape, Object[] arguments) {
    text(message, function);
    text(message, shape.signature());
    for (int i = 0; i < arguments.length; i++) {
      switch (shape.parameters().charAt(i)) {
        case 's' -> {
          if (arguments[i] == null) {
            message.putInt(-1);
          } else {
            byte[] bytes = ((String) arguments[i]).getBytes(StandardCharsets.UTF_8);
            message.putInt(bytes.length).put(bytes, 0, bytes.length);
          }
        }
        case 'p' -> message.putLong(((MemorySegment) arguments[i]).address());
        default -> message.putLong(CallShape.bits(arguments[i]));
      }
    }
  }

  private static void text(Message message, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length > 255) {
      throw new LabException("The name `" + text + "` is too long to be called.");
    }
    message.putByte(bytes.length).put(bytes, 0, bytes.length);
  }

  private Object read(
      LivingProcess process, LivingProcess.Lane lane, String function, CallShape shape)
      throws IOException {
    ByteBuffer answer = lane.exchange();
    char kind = (char) answer.get();
    if (kind == 'a') {
      return pointer(process, function, answer.getLong());
    }
    if (kind == 'n') {
      throw new LabException(source.title() + " has no function `" + function + "`.");
    }
    boolean mayHaveLeftProcesses = answer.get() != 0;
    long integer = answer.getLong();
    long floating = answer.getLong();
    var changed = new ArrayList<HostReport.Changed>();
    for (int count = answer.get(); count > 0; count--) {
      changed.add(
          new HostReport.Changed(
              RunEnd.savedRegister(answer.get()), answer.getLong(), answer.getLong()));
    }
    String string = shape.result() == 's' ? string(answer) : null;
    process.memory().readChanges(answer);
    RunEnd.notRestored(function, changed).ifPresent(say);
    if (mayHaveLeftProcesses) {
      Optional<String> ended = process.endStrays(function);
      if (ended.isPresent()) {
        say.accept(ended.get());
        agree(process, lane); // it waits for those that were its children
      }
    }
    return switch (shape.result()) {
      case 's' -> string;
      case 'p' -> pointer(process, function, integer);
      default -> shape.value(integer, floating);
    };
  }

  private static String string(ByteBuffer answer) {
    int size = answer.getInt();
    if (size < 0) {
      return null;
    }
    byte[] bytes = new byte[size];
    answer.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private MemorySegment pointer(LivingProcess process, String function, long address) {
    if (address != 0 && !process.memory().holds(address) && !reach(address)) {
      throw new LabException(
          ("`%s` returned an address of the process it runs in, 0x%x: %s has been changed, and this"
                  + " kernel cannot look there.\nReturn a value instead, or ask for this kernel's"
                  + " process: Lab.inKernel.")
              .formatted(function, address, source.title()));
    }
    return MemorySegment.ofAddress(address);
  }

  private boolean reach(long address) {
    return !Platform.IS_MAC && Mirror.of(tools.get().host()).reach(pid, address);
  }

  private boolean isMirrored(long address) {
    return !Platform.IS_MAC && Mirror.holdsIn(pid, address);
  }
}
