package greenthreads.lab.bind;

import greenthreads.lab.base.LabException;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.AccessFlag;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Makes objects of a reader's interface out of method handles.
 *
 * <p>One class is generated for each interface, beside it, so that an interface need not be public.
 * Its methods are {@code handles[i].invokeExact(arguments)}. The handles belong to the object: when
 * nobody uses it any more, nothing keeps the native library they lead to.
 */
final class Binding {
  private static final ClassDesc HANDLE = desc(MethodHandle.class);
  private static final ClassDesc HANDLES = desc(MethodHandle[].class);
  private static final ClassDesc OBJECT = ConstantDescs.CD_Object;
  private static final String FIELD = "handles";
  private static final String COMPANION = "companion";
  private static final MethodTypeDesc CONSTRUCTOR =
      MethodTypeDesc.of(ConstantDescs.CD_void, HANDLES, OBJECT);

  private static final ClassValue<MethodHandle> CONSTRUCTORS =
      new ClassValue<>() {
        @Override
        protected MethodHandle computeValue(Class<?> type) {
          return define(type);
        }
      };

  private Binding() {}

  /** The methods that a binding must implement, always in the same order. */
  static List<Method> methods(Class<?> type) {
    return Arrays.stream(type.getMethods())
        .filter(method -> Modifier.isAbstract(method.getModifiers()))
        .sorted(Comparator.comparing(Method::toString))
        .toList();
  }

  /**
   * @param type the interface
   * @param handles one for each of {@link #methods}, of exactly its type
   * @param companion kept alive as long as the object
   */
  static <T> T implement(Class<T> type, List<MethodHandle> handles, Object companion) {
    try {
      MethodHandle constructor = CONSTRUCTORS.get(type);
      return type.cast(constructor.invoke(handles.toArray(MethodHandle[]::new), companion));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static MethodHandle define(Class<?> type) {
    try {
      MethodHandles.Lookup lookup = MethodHandles.privateLookupIn(type, MethodHandles.lookup());
      Class<?> made = lookup.defineClass(generate(type));
      var constructor = MethodType.methodType(void.class, MethodHandle[].class, Object.class);
      return lookup.findConstructor(made, constructor);
    } catch (ReflectiveOperationException | LinkageError e) {
      throw new LabException(
          "The interface %s cannot be implemented from here: %s.\nDeclare it in a cell of its own."
              .formatted(type.getSimpleName(), e.getMessage()),
          e);
    }
  }

  private static byte[] generate(Class<?> type) {
    String name = type.getName().substring(type.getName().lastIndexOf('.') + 1) + "$Native";
    ClassDesc self = ClassDesc.of(type.getPackageName(), name);
    List<Method> methods = methods(type);
    return ClassFile.of()
        .build(
            self,
            builder -> {
              builder.withFlags(AccessFlag.FINAL, AccessFlag.SUPER, AccessFlag.SYNTHETIC);
              builder.withInterfaceSymbols(desc(type));
              builder.withField(FIELD, HANDLES, ClassFile.ACC_PRIVATE | ClassFile.ACC_FINAL);
              builder.withField(COMPANION, OBJECT, ClassFile.ACC_PRIVATE | ClassFile.ACC_FINAL);
              builder.withMethodBody(
                  ConstantDescs.INIT_NAME, CONSTRUCTOR, 0, code -> constructor(code, self));
              for (int i = 0; i < methods.size(); i++) {
                forward(builder, self, methods.get(i), i);
              }
            });
  }

  private static void constructor(CodeBuilder code, ClassDesc self) {
    code.aload(0)
        .invokespecial(OBJECT, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
        .aload(0)
        .aload(1)
        .putfield(self, FIELD, HANDLES)
        .aload(0)
        .aload(2)
        .putfield(self, COMPANION, OBJECT)
        .return_();
  }

  private static void forward(ClassBuilder builder, ClassDesc self, Method method, int index) {
    MethodTypeDesc descriptor =
        MethodType.methodType(method.getReturnType(), method.getParameterTypes())
            .describeConstable()
            .orElseThrow();
    builder.withMethodBody(
        method.getName(),
        descriptor,
        ClassFile.ACC_PUBLIC,
        code -> {
          code.aload(0).getfield(self, FIELD, HANDLES).loadConstant(index).aaload();
          int slot = 1;
          for (Class<?> parameter : method.getParameterTypes()) {
            TypeKind kind = TypeKind.from(parameter);
            code.loadLocal(kind, slot);
            slot += kind.slotSize();
          }
          code.invokevirtual(HANDLE, "invokeExact", descriptor)
              .return_(TypeKind.from(method.getReturnType()));
        });
  }

  private static ClassDesc desc(Class<?> type) {
    return type.describeConstable().orElseThrow();
  }
}
