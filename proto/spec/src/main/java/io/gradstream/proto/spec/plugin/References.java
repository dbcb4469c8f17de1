package io.gradstream.proto.spec.plugin;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.FieldRefEntry;
import java.lang.classfile.constantpool.MemberRefEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.invoke.MethodType;
import java.lang.reflect.Executable;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a jar's classes use of Gradstream, looked up before any of them runs.
 *
 * <p>Java itself notices a missing method when it is called: a jar that was built against another
 * version would stop a run in the middle. Of a class that refers to Gradstream, the constant pool
 * names every class, method and field that it uses, and each of them must be there and public. The
 * other way round, a class that implements one of Gradstream's interfaces must have all its
 * methods.
 */
final class References {
  private static final String OURS = "io/gradstream/";
  private static final String CLASS = ".class";

  private final PluginJar jar;
  private final Set<String> own;
  private final ClassLoader loader;

  private References(PluginJar jar, Set<String> own, ClassLoader loader) {
    this.jar = jar;
    this.own = own;
    this.loader = loader;
  }

  /**
   * Requires that everything is there.
   *
   * @throws io.gradstream.proto.UserError that names the first thing that is not
   */
  static void require(PluginJar jar, JarFile content, ClassLoader loader) throws IOException {
    final List<JarEntry> classes =
        content.stream()
            .filter(entry -> entry.getName().endsWith(CLASS))
            .filter(entry -> !entry.getName().startsWith("META-INF/"))
            .filter(entry -> !entry.getName().endsWith("module-info.class"))
            .toList();
    final Set<String> names =
        classes.stream()
            .map(JarEntry::getName)
            .map(name -> name.substring(0, name.length() - CLASS.length()))
            .collect(Collectors.toSet());
    final var references = new References(jar, names, loader);
    for (final JarEntry entry : classes) {
      try (var bytes = content.getInputStream(entry)) {
        references.require(entry.getName(), bytes.readAllBytes());
      }
    }
  }

  private void require(String file, byte[] bytes) {
    try {
      final ClassModel model = ClassFile.of().parse(bytes);
      boolean refers = false;
      for (final PoolEntry entry : model.constantPool()) {
        if (entry instanceof ClassEntry type && isOurs(type.asInternalName())) {
          refers = true;
          find(type.asInternalName());
        } else if (entry instanceof MemberRefEntry member
            && isOurs(member.owner().asInternalName())) {
          find(member);
        }
      }
      if (refers) {
        requireWhole(model.thisClass().asInternalName());
      }
    } catch (IllegalArgumentException e) {
      throw jar.error(file + " is no class of a version that this Java knows", e);
    }
  }

  private boolean isOurs(String name) {
    return name.startsWith(OURS) && !own.contains(name);
  }

  private Class<?> find(String name) {
    try {
      final Class<?> type = Class.forName(name.replace('/', '.'), false, loader);
      if (!Modifier.isPublic(type.getModifiers())) {
        throw jar.otherVersion("it uses %s, which is not public".formatted(type.getName()));
      }
      return type;
    } catch (ClassNotFoundException | LinkageError e) {
      throw jar.otherVersion("it uses %s, which is not there".formatted(name.replace('/', '.')));
    }
  }

  private void find(MemberRefEntry member) {
    final Class<?> owner = find(member.owner().asInternalName());
    final String name = member.name().stringValue();
    final String type = member.type().stringValue();
    final boolean isThere =
        member instanceof FieldRefEntry
            ? isDeclared(
                owner,
                each -> List.of(each.getDeclaredFields()),
                field ->
                    field.getName().equals(name) && field.getType().descriptorString().equals(type))
            : isDeclared(
                owner,
                References::executables,
                each -> nameOf(each).equals(name) && descriptor(each).equals(type));
    if (!isThere) {
      throw jar.otherVersion(
          "it uses %s.%s%s, which is not there".formatted(owner.getName(), name, type));
    }
  }

  private static List<Executable> executables(Class<?> type) {
    final var all = new ArrayList<Executable>(Arrays.asList(type.getDeclaredMethods()));
    Collections.addAll(all, type.getDeclaredConstructors());
    return all;
  }

  private static String nameOf(Executable executable) {
    return executable instanceof Method method ? method.getName() : "<init>";
  }

  private static String descriptor(Executable executable) {
    final Class<?> returned = executable instanceof Method m ? m.getReturnType() : void.class;
    return MethodType.methodType(returned, executable.getParameterTypes()).descriptorString();
  }

  /** Whether a class, or one that it inherits from, has a member that others may use. */
  private static <M extends Member> boolean isDeclared(
      Class<?> owner, Function<Class<?>, List<M>> members, Predicate<M> wanted) {
    final Deque<Class<?>> types = new ArrayDeque<>(List.of(owner, Object.class));
    while (!types.isEmpty()) {
      final Class<?> type = types.pop();
      for (final M member : members.apply(type)) {
        final int usable = Modifier.PUBLIC | Modifier.PROTECTED;
        if (wanted.test(member) && (member.getModifiers() & usable) != 0) {
          return true;
        }
      }
      Collections.addAll(types, type.getInterfaces());
      if (type.getSuperclass() != null) {
        types.push(type.getSuperclass());
      }
    }
    return false;
  }

  /** A class that implements one of our interfaces has all of its methods. */
  private void requireWhole(String name) {
    final Method missing = missingMethod(name.replace('/', '.'));
    if (missing != null) {
      throw jar.otherVersion(
          "%s has no %s, which %s asks for"
              .formatted(
                  name.replace('/', '.'),
                  missing.getName(),
                  missing.getDeclaringClass().getSimpleName()));
    }
  }

  private @Nullable Method missingMethod(String name) {
    try {
      final Class<?> type = Class.forName(name, false, loader);
      if (!Modifier.isAbstract(type.getModifiers())) {
        for (final Method method : type.getMethods()) {
          if (Modifier.isAbstract(method.getModifiers())
              && isOurs(method.getDeclaringClass().getName().replace('.', '/'))) {
            return method;
          }
        }
      }
    } catch (ClassNotFoundException | LinkageError e) {
      // It needs what is not in the jar, as optional parts of a library do: nobody may ask for it.
      return null;
    }
    return null;
  }
}
