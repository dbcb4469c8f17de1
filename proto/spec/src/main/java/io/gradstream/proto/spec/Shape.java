package io.gradstream.proto.spec;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What a parameter can be, derived from its Java type. */
sealed interface Shape {
  record Text() implements Shape {}

  /** A whole number that fits an {@code int} or a {@code long}. */
  record Whole(boolean isInt) implements Shape {}

  record Real() implements Shape {}

  record Flag() implements Shape {}

  record Choice(Class<? extends Enum<?>> type) implements Shape {
    List<String> names() {
      return Arrays.stream(type.getEnumConstants()).map(Parameter::nameOf).toList();
    }
  }

  /** A list; {@code array} if it is kept as {@code double[]}. */
  record Many(Shape item, boolean array) implements Shape {}

  record Nested(Class<? extends Record> type) implements Shape {
    private String keys() {
      return Parameter.of(type).stream()
          .map(Parameter::key)
          .collect(Collectors.joining(", ", "keys (", ")"));
    }
  }

  /** A {@link Section}, whose kind stands under {@code kindKey}. */
  record Variant(String kindKey) implements Shape {}

  /** How messages and listings call it. */
  default String describe() {
    return switch (this) {
      case Text t -> "text";
      case Whole w -> "a whole number";
      case Real r -> "a number";
      case Flag f -> "true or false";
      case Choice c -> c.names().stream().collect(Collectors.joining(", ", "one of ", ""));
      case Many m -> "a list of " + m.item().plural();
      case Nested n -> n.keys();
      case Variant v -> "a name, or keys with \"" + v.kindKey() + "\"";
    };
  }

  private String plural() {
    return switch (this) {
      case Text t -> "text";
      case Whole w -> "whole numbers";
      case Real r -> "numbers";
      case Flag f -> "true or false";
      case Choice c -> String.join(", ", c.names());
      case Many m -> "lists";
      case Nested n -> n.keys();
      case Variant v -> "names or keys with \"" + v.kindKey() + "\"";
    };
  }

  static Shape of(RecordComponent component) {
    final var key = component.getAnnotation(Section.KindKey.class);
    return of(component.getGenericType(), key == null ? null : key.value(), component);
  }

  private static Shape of(Type type, @Nullable String kindKey, RecordComponent component) {
    if (type instanceof ParameterizedType generic) {
      final var argument = generic.getActualTypeArguments()[0];
      if (generic.getRawType() == Optional.class) {
        return of(argument, kindKey, component);
      }
      if (generic.getRawType() == List.class) {
        return new Many(of(argument, kindKey, component), false);
      }
    }
    if (type instanceof Class<?> c) {
      if (c == String.class) {
        return new Text();
      } else if (c == int.class || c == Integer.class || c == OptionalInt.class) {
        return new Whole(true);
      } else if (c == long.class || c == Long.class || c == OptionalLong.class) {
        return new Whole(false);
      } else if (c == double.class || c == Double.class || c == OptionalDouble.class) {
        return new Real();
      } else if (c == boolean.class || c == Boolean.class) {
        return new Flag();
      } else if (c == double[].class) {
        return new Many(new Real(), true);
      } else if (c.isEnum()) {
        @SuppressWarnings("unchecked") // isEnum
        final var constants = (Class<? extends Enum<?>>) c;
        return new Choice(constants);
      } else if (c.isRecord()) {
        return new Nested(c.asSubclass(Record.class));
      } else if (c == Section.class && kindKey != null) {
        return new Variant(kindKey);
      }
    }
    throw new IllegalStateException(
        component.getDeclaringRecord().getName()
            + "."
            + component.getName()
            + ": a run spec cannot hold "
            + type.getTypeName());
  }
}
