package greenthreads.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import greenthreads.exercises.Exercise;
import greenthreads.lab.base.Internal;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Executable;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * What cells can call, from {@link Lab} on: each method and the types that it takes and returns.
 * Shift+Tab shows their Javadoc, so that it is their table of contents.
 */
class SurfaceTest {
  private static final Set<String> OF_EVERY_OBJECT = Set.of("toString", "equals", "hashCode");

  private static final Pattern IMPORT =
      Pattern.compile("(?m)^import (greenthreads\\.[\\w.]+)\\.(\\*|[A-Z]\\w*);");

  private static final Pattern WORD = Pattern.compile("\\b[A-Z]\\w+");

  /** The packages that start.jshell lets cells see. */
  private static Set<String> seen() throws IOException {
    Path lab = Path.of(System.getenv("GREEN_THREADS_HOME"), "notebooks", "lab");
    var packages = new TreeSet<String>();
    IMPORT
        .matcher(Files.readString(lab.resolve("start.jshell")))
        .results()
        .forEach(found -> packages.add(found.group(1)));
    assertTrue(packages.size() > 5, packages.toString());
    return packages;
  }

  /** The lab's classes that the chapters' cells name. */
  private static List<Class<?>> named() throws IOException {
    Path notebooks = Path.of(System.getenv("GREEN_THREADS_HOME"), "notebooks");
    var words = new TreeSet<String>();
    try (var files = Files.newDirectoryStream(notebooks, "*.ipynb")) {
      for (Path file : files) {
        for (JsonElement each :
            new JsonParser()
                .parse(Files.readString(file))
                .getAsJsonObject()
                .getAsJsonArray("cells")) {
          JsonObject cell = each.getAsJsonObject();
          if (cell.get("cell_type").getAsString().equals("code")) {
            WORD.matcher(cell.get("source").toString())
                .results()
                .forEach(w -> words.add(w.group()));
          }
        }
      }
    }
    var named = new ArrayList<Class<?>>(List.of(Lab.class, Exercise.class));
    for (String word : words) {
      for (String folder : seen()) {
        try {
          named.add(Class.forName(folder + "." + word));
        } catch (ClassNotFoundException | NoClassDefFoundError e) {
          // a word of Java's, or of the cell's own
        }
      }
    }
    return named;
  }

  private static List<Class<?>> reached() throws IOException {
    var reached = new TreeMap<String, Class<?>>();
    var open = new ArrayDeque<Class<?>>(named());
    while (!open.isEmpty()) {
      Class<?> type = open.remove();
      if (type.getName().startsWith("greenthreads.") && reached.put(type.getName(), type) == null) {
        for (Executable one : methods(type)) {
          mentioned(one).forEach(open::add);
        }
        open.addAll(Arrays.asList(type.getInterfaces()));
      }
    }
    return List.copyOf(reached.values());
  }

  private static List<Executable> methods(Class<?> type) {
    var all = new ArrayList<Executable>(List.of(type.getDeclaredMethods()));
    all.addAll(List.of(type.getDeclaredConstructors()));
    all.removeIf(one ->
        !Modifier.isPublic(one.getModifiers())
            || one.isSynthetic()
            || one.isAnnotationPresent(Internal.class));
    return all;
  }

  private static Set<Class<?>> mentioned(Executable one) {
    var types = new ArrayList<Type>(List.of(one.getGenericParameterTypes()));
    types.addAll(List.of(one.getGenericExceptionTypes()));
    if (one instanceof Method method) {
      types.add(method.getGenericReturnType());
    }
    var classes = new java.util.LinkedHashSet<Class<?>>();
    types.forEach(type -> classes(type, classes));
    return classes;
  }

  private static void classes(Type type, Set<Class<?>> into) {
    switch (type) {
      case Class<?> one -> into.add(one.isArray() ? one.getComponentType() : one);
      case ParameterizedType generic -> {
        classes(generic.getRawType(), into);
        Arrays.stream(generic.getActualTypeArguments()).forEach(each -> classes(each, into));
      }
      case GenericArrayType array -> classes(array.getGenericComponentType(), into);
      case WildcardType wild ->
          Arrays.stream(wild.getUpperBounds()).forEach(each -> classes(each, into));
      default -> {}
    }
  }

  /** Where a method comes from that says nothing itself: an interface's, a record's component. */
  private static boolean needsNone(Class<?> type, Executable one) {
    if (!(one instanceof Method method)) {
      return type.isRecord();
    }
    boolean component =
        type.isRecord()
            && Arrays.stream(type.getRecordComponents())
                .anyMatch(each -> each.getAccessor().equals(method));
    boolean ofEnum = type.isEnum() && Set.of("values", "valueOf").contains(method.getName());
    return component || ofEnum || OF_EVERY_OBJECT.contains(method.getName()) || overrides(method);
  }

  private static boolean overrides(Method method) {
    Class<?> type = method.getDeclaringClass();
    var above = new ArrayList<Class<?>>(List.of(type.getInterfaces()));
    if (type.getSuperclass() != null) {
      above.add(type.getSuperclass());
    }
    return above.stream()
        .anyMatch(each -> {
          try {
            each.getMethod(method.getName(), method.getParameterTypes());
            return true;
          } catch (NoSuchMethodException e) {
            return false;
          }
        });
  }

  private static Optional<JsonObject> javadoc(Class<?> type) {
    String file = type.getName().substring(type.getPackageName().length() + 1) + "__Javadoc.json";
    try (InputStream in = type.getResourceAsStream(file)) {
      return in == null
          ? Optional.empty()
          : Optional.of(
              new JsonParser()
                  .parse(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                  .getAsJsonObject());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isDocumented(JsonObject javadoc, Executable one) {
    String member = one instanceof Method ? "methods" : "constructors";
    List<String> parameters =
        Arrays.stream(one.getParameterTypes()).map(Class::getCanonicalName).toList();
    for (JsonElement element : javadoc.getAsJsonArray(member)) {
      JsonObject each = element.getAsJsonObject();
      var types = new ArrayList<String>();
      each.getAsJsonArray("paramTypes")
          .forEach(type -> types.add(type.getAsString().replace('$', '.')));
      if ((one instanceof Method method
              ? each.get("name").getAsString().equals(method.getName())
              : true)
          && types.equals(parameters)
          && !each.get("doc").getAsString().isBlank()) {
        return true;
      }
    }
    return false;
  }

  @Test
  void theDoorsAreFound() throws IOException {
    List<String> names = reached().stream().map(Class::getSimpleName).toList();
    List<String> known =
        List.of(
            "Lab", "Library", "Figure", "Chart", "Steps", "StackView", "Machines", "NativeCrash");
    assertTrue(names.containsAll(known), names.toString());
  }

  @Test
  void everythingACellCanCallIsDocumented() throws IOException {
    var silent = new TreeSet<String>();
    for (Class<?> type : reached()) {
      if (!Modifier.isPublic(type.getModifiers())) {
        continue;
      }
      Optional<JsonObject> javadoc = javadoc(type);
      if (javadoc.isEmpty() || javadoc.get().get("doc").getAsString().isBlank()) {
        silent.add(type.getName());
        continue;
      }
      for (Executable one : methods(type)) {
        if (!needsNone(type, one) && !isDocumented(javadoc.get(), one)) {
          silent.add(one.toString());
        }
      }
      for (var component :
          type.isRecord() ? type.getRecordComponents() : new java.lang.reflect.RecordComponent[0]) {
        if (!javadoc.get().get("doc").getAsString().contains("@param " + component.getName())) {
          silent.add(type.getName() + ": component " + component.getName());
        }
      }
    }
    assertEquals(Set.of(), silent);
  }

  @Test
  void nothingInternalIsReached() throws IOException {
    Set<String> seen = seen();
    var internal = new TreeSet<String>();
    for (Class<?> type : reached()) {
      for (Executable one :
          Modifier.isPublic(type.getModifiers()) ? methods(type) : List.<Executable>of()) {
        for (Class<?> other : mentioned(one)) {
          boolean isOurs = other.getName().startsWith("greenthreads.");
          if (isOurs
              && (!seen.contains(other.getPackageName())
                  || !Modifier.isPublic(other.getModifiers()))) {
            internal.add(one + " mentions " + other.getName());
          }
        }
      }
    }
    assertEquals(Set.of(), internal);
  }
}
