package io.gradstream.proto.spec;

import io.gradstream.proto.UserError;
import java.lang.reflect.InvocationTargetException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Makes records of nodes, strictly: every key must be a parameter, every parameter must be given or
 * have a default, and every value must have its type and range. The record's compact constructor
 * then checks what concerns several parameters and throws {@link SpecError}.
 *
 * <p>The first mistake ends the reading, with file, line and dotted path.
 */
final class Binder {
  private static final double SMALLEST = 1e-37;
  private static final Pattern DECIMAL_COMMA = Pattern.compile("[-+]?\\d+,\\d+");

  private Binder() {}

  /**
   * @param path the dotted path of {@code node} in the spec; empty for the document
   * @throws UserError if the node does not describe such a record
   */
  static <R extends Record> R bind(Class<R> type, SpecNode node, String path) {
    return bind(type, node, path, List.of());
  }

  /**
   * @param others keys that may stand here beside the record's, as far as hints are concerned
   */
  static <R extends Record> R bind(Class<R> type, SpecNode node, String path, List<String> others) {
    final var parameters = Parameter.of(type);
    final var known = parameters.stream().map(Parameter::key).toList();
    if (!(node instanceof SpecNode.Keys keys)) {
      throw node.error(
          path, "expected keys (" + String.join(", ", known) + "), found " + node.describe());
    }
    keys.entries()
        .forEach(
            (key, value) -> {
              if (!known.contains(key)) {
                final boolean isOther = others.stream().anyMatch(o -> Nearest.isNear(key, o));
                throw value.error(
                    join(path, key), "unknown key" + Nearest.hint(key, isOther ? others : known));
              }
            });
    final var types = new Class<?>[parameters.size()];
    final @Nullable Object[] values = new @Nullable Object[parameters.size()];
    for (int i = 0; i < values.length; i++) {
      final var parameter = parameters.get(i);
      types[i] = parameter.component().getType();
      values[i] = component(parameter, keys, path);
    }
    return construct(type, types, values, keys, path);
  }

  private static @Nullable Object component(Parameter parameter, SpecNode.Keys keys, String path) {
    final var here = join(path, parameter.key());
    var node = keys.get(parameter.key());
    if (node == null && !parameter.defaultValue().isEmpty()) {
      node = YamlReader.read(parameter.defaultValue(), keys.location());
    }
    if (node == null && parameter.required()) {
      throw keys.error(here, "missing; " + parameter.doc() + " (" + parameter.allowed() + ")");
    }
    if (parameter.optional() && node instanceof SpecNode.Scalar s && s.isNothing()) {
      node = null;
    }
    return wrap(
        parameter.component().getType(),
        node == null ? null : value(parameter.shape(), node, here, parameter));
  }

  private static @Nullable Object wrap(Class<?> type, @Nullable Object value) {
    if (type == Optional.class) {
      return Optional.ofNullable(value);
    } else if (type == OptionalInt.class) {
      return value == null ? OptionalInt.empty() : OptionalInt.of((Integer) value);
    } else if (type == OptionalLong.class) {
      return value == null ? OptionalLong.empty() : OptionalLong.of((Long) value);
    } else if (type == OptionalDouble.class) {
      return value == null ? OptionalDouble.empty() : OptionalDouble.of((Double) value);
    }
    return value;
  }

  private static Object value(Shape shape, SpecNode node, String path, Parameter parameter) {
    return switch (shape) {
      case Shape.Many many -> {
        if (!(node instanceof SpecNode.Items list)) {
          throw wrongType(shape.describe(), node, path);
        }
        final var values = new ArrayList<Object>();
        for (int i = 0; i < list.items().size(); i++) {
          values.add(value(many.item(), list.items().get(i), join(path, "" + i), parameter));
        }
        yield many.array()
            ? values.stream().mapToDouble(v -> (Double) v).toArray()
            : List.copyOf(values);
      }
      case Shape.Nested nested -> bind(nested.type(), parameter.inFull(node), path);
      case Shape.Variant variant -> Section.read(variant.kindKey(), node, path);
      case Shape.Text text -> scalar(shape, node, path).text();
      case Shape.Flag flag -> {
        final var scalar = scalar(shape, node, path);
        if (!scalar.isFlag()) {
          throw wrongType(shape.describe(), node, path);
        }
        yield scalar.text().toLowerCase(Locale.ROOT).equals("true");
      }
      case Shape.Choice choice -> choice(choice, scalar(shape, node, path), path);
      case Shape.Whole whole -> whole(whole, number(shape, node, path, parameter), node, path);
      case Shape.Real real -> number(shape, node, path, parameter).doubleValue();
    };
  }

  private static Enum<?> choice(Shape.Choice choice, SpecNode.Scalar scalar, String path) {
    for (final var constant : choice.type().getEnumConstants()) {
      if (Parameter.nameOf(constant).equals(scalar.text())) {
        return constant;
      }
    }
    throw scalar.error(
        path, scalar.describe() + " is not allowed" + Nearest.hint(scalar.text(), choice.names()));
  }

  private static Object whole(Shape.Whole whole, BigDecimal number, SpecNode node, String path) {
    try {
      if (whole.isInt()) {
        return number.intValueExact();
      }
      return number.longValueExact();
    } catch (ArithmeticException e) {
      throw node.error(
          path,
          node.describe() + " is out of range; must fit " + (whole.isInt() ? 32 : 64) + " bits");
    }
  }

  private static BigDecimal number(Shape shape, SpecNode node, String path, Parameter parameter) {
    final var number = scalar(shape, node, path).number();
    if (number == null
        || !Double.isFinite(number.doubleValue())
        || (shape instanceof Shape.Whole && number.stripTrailingZeros().scale() > 0)) {
      throw wrongType(shape.describe(), node, path);
    }
    if (!parameter.inRange(number)) {
      throw node.error(path, node.describe() + " is out of range; must be " + parameter.range());
    }
    if (shape instanceof Shape.Real && !isFloat(number)) {
      throw node.error(
          path, node.describe() + " is out of range; float32 holds 1e-37 to 3.4e38, and 0");
    }
    return number;
  }

  /**
   * Whether float32, which all arithmetic on vectors is done in, holds a number with all digits.
   */
  private static boolean isFloat(BigDecimal number) {
    final double magnitude = Math.abs(number.doubleValue());
    return number.signum() == 0 || (magnitude <= Float.MAX_VALUE && magnitude >= SMALLEST);
  }

  private static SpecNode.Scalar scalar(Shape shape, SpecNode node, String path) {
    if (node instanceof SpecNode.Scalar scalar && !scalar.isNothing()) {
      return scalar;
    }
    throw wrongType(shape.describe(), node, path);
  }

  private static UserError wrongType(String expected, SpecNode node, String path) {
    final String point =
        node instanceof SpecNode.Scalar scalar && DECIMAL_COMMA.matcher(scalar.text()).matches()
            ? "; did you mean " + scalar.text().replace(',', '.') + "?"
            : "";
    return node.error(path, "expected " + expected + ", found " + node.describe() + point);
  }

  private static <R extends Record> R construct(
      Class<R> type, Class<?>[] types, @Nullable Object[] values, SpecNode.Keys keys, String path) {
    try {
      final var constructor = type.getDeclaredConstructor(types);
      constructor.setAccessible(true); // options records may be package-private
      return constructor.newInstance(values);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof IllegalArgumentException refused) {
        throw locate(refused, keys, path);
      }
      throw new IllegalStateException("cannot make a " + type.getName(), e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot make a " + type.getName(), e);
    }
  }

  /** Turns what a record said about its own values into a mistake at their place in the spec. */
  static UserError locate(IllegalArgumentException refused, SpecNode.Keys keys, String path) {
    if (refused instanceof SpecError error) {
      return at(error.key(), keys).error(join(path, error.key()), error.reason());
    }
    return keys.error(path, String.valueOf(refused.getMessage()));
  }

  /** The innermost node on the way along a dotted key. */
  static SpecNode at(String key, SpecNode.Keys keys) {
    SpecNode node = keys;
    for (final var step : key.split("\\.", -1)) {
      final var next =
          switch (node) {
            case SpecNode.Keys k -> k.get(step);
            case SpecNode.Items l when step.matches("\\d{1,6}") ->
                Integer.parseInt(step) < l.items().size()
                    ? l.items().get(Integer.parseInt(step))
                    : null;
            default -> null;
          };
      if (next == null) {
        break;
      }
      node = next;
    }
    return node;
  }

  static String join(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }
}
