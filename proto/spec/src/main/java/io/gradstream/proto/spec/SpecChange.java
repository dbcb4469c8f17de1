package io.gradstream.proto.spec;

import java.lang.reflect.InvocationTargetException;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A key that differs between two run specs though it must not, as the keys' {@link Param}s declare.
 *
 * @param key dotted path, such as {@code tasks.1.name}
 * @param before the value before, as a message names it
 * @param after the value instead
 */
public record SpecChange(String key, String before, String after) {
  /** Whether two values of a key that may not change mean the same. */
  private interface Rule {
    boolean allows(Param param, @Nullable Object before, @Nullable Object after);
  }

  /** The first key that decides how recorded gradients came about, and differs. */
  public static Optional<SpecChange> forbiddenInReplay(RunSpec before, RunSpec after) {
    return inRecord(
        "",
        before,
        after,
        Param::inReplay,
        (param, first, second) -> Objects.equals(first, second));
  }

  /** The first key that a run's state depends on, and differs. */
  public static Optional<SpecChange> forbiddenInFork(RunSpec before, RunSpec after) {
    return inRecord(
        "",
        before,
        after,
        param -> false,
        (param, first, second) ->
            switch (param.inFork()) {
              case FREE -> true;
              case KIND_FIXED -> kind(first).equals(kind(second));
              case FIXED -> Objects.equals(first, second);
            });
  }

  private static Optional<SpecChange> inRecord(
      String path, Record before, Record after, Predicate<Param> free, Rule rule) {
    for (final Parameter parameter : Parameter.of(before.getClass())) {
      if (!free.test(parameter.param())) {
        final var change =
            in(
                Binder.join(path, parameter.key()),
                parameter.param(),
                valueOf(parameter, before),
                valueOf(parameter, after),
                free,
                rule);
        if (change.isPresent()) {
          return change;
        }
      }
    }
    return Optional.empty();
  }

  private static Optional<SpecChange> in(
      String key,
      Param param,
      @Nullable Object before,
      @Nullable Object after,
      Predicate<Param> free,
      Rule rule) {
    if (before instanceof Record first && after instanceof Record second) {
      return inRecord(key, first, second, free, rule);
    }
    if (before instanceof List<?> first
        && after instanceof List<?> second
        && first.size() == second.size()) {
      for (int i = 0; i < first.size(); i++) {
        final var change =
            in(
                Binder.join(key, Integer.toString(i)),
                param,
                first.get(i),
                second.get(i),
                free,
                rule);
        if (change.isPresent()) {
          return change;
        }
      }
      return Optional.empty();
    }
    return rule.allows(param, before, after)
        ? Optional.empty()
        : Optional.of(new SpecChange(key, text(before), text(after)));
  }

  private static @Nullable Object valueOf(Parameter parameter, Record record) {
    try {
      final var accessor = parameter.component().getAccessor();
      accessor.setAccessible(true); // options records may be package-private
      return accessor.invoke(record);
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new IllegalStateException("cannot read " + parameter.key(), e);
    }
  }

  private static String kind(@Nullable Object section) {
    return section instanceof Section named ? named.kind() : "";
  }

  private static String text(@Nullable Object value) {
    return switch (value) {
      case null -> "nothing";
      case Section section -> section.kind();
      case Enum<?> constant -> Parameter.nameOf(constant).toLowerCase(Locale.ROOT);
      case List<?> list -> list.size() + " of them";
      default -> value.toString();
    };
  }
}
