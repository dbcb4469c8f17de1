package io.gradstream.proto.spec;

import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A {@link Param} together with its component: all that is known about one key of the run spec. */
public final class Parameter {
  private static final Set<Class<?>> OPTIONALS =
      Set.of(Optional.class, OptionalInt.class, OptionalLong.class, OptionalDouble.class);

  private final RecordComponent component;
  private final Param param;
  private final Shape shape;
  private final boolean optional;

  private Parameter(RecordComponent component) {
    final var annotation = component.getAnnotation(Param.class);
    if (annotation == null) {
      throw new IllegalStateException(
          component.getDeclaringRecord().getName() + "." + component.getName() + " has no @Param");
    }
    this.component = component;
    this.param = annotation;
    this.shape = Shape.of(component);
    this.optional =
        OPTIONALS.contains(component.getType())
            || component.getAnnotatedType().isAnnotationPresent(Nullable.class);
  }

  /** The parameters of a record, in the order of its components. */
  public static List<Parameter> of(Class<? extends Record> type) {
    return Arrays.stream(type.getRecordComponents()).map(Parameter::new).toList();
  }

  /** The key in the run spec, kebab-case. */
  public String key() {
    return kebab(component.getName());
  }

  /** One line that describes the parameter. */
  public String doc() {
    return param.value();
  }

  /** The default as a YAML literal; empty if there is none. */
  public String defaultValue() {
    return param.defaultValue();
  }

  /** Whether the spec must give it. */
  public boolean required() {
    return !optional && param.defaultValue().isEmpty();
  }

  /** What it takes, in words: "a number, at least 0 and below 1", "one of smooth, zones". */
  public String allowed() {
    final var range = range();
    return range.isEmpty() ? shape.describe() : shape.describe() + ", " + range;
  }

  /** The allowed range in words, such as "at least 0 and below 1"; empty if all is allowed. */
  String range() {
    final var low =
        param.min() == Double.NEGATIVE_INFINITY
            ? ""
            : (param.exclusiveMin() ? "above " : "at least ") + number(param.min());
    final var high =
        param.max() == Double.POSITIVE_INFINITY
            ? ""
            : (param.exclusiveMax() ? "below " : "at most ") + number(param.max());
    return low.isEmpty() || high.isEmpty() ? low + high : low + " and " + high;
  }

  boolean inRange(BigDecimal value) {
    final double v = value.doubleValue();
    return (param.exclusiveMin() ? v > param.min() : v >= param.min())
        && (param.exclusiveMax() ? v < param.max() : v <= param.max());
  }

  /** A value that stands for a record, with the key that it is short for; others as they are. */
  SpecNode inFull(SpecNode node) {
    return param.shortFor().isEmpty() || !(node instanceof SpecNode.Scalar)
        ? node
        : new SpecNode.Keys(Map.of(param.shortFor(), node), node.location());
  }

  Param param() {
    return param;
  }

  Shape shape() {
    return shape;
  }

  boolean optional() {
    return optional;
  }

  RecordComponent component() {
    return component;
  }

  /** {@code microBatches} is {@code micro-batches}. */
  static String kebab(String name) {
    return name.replaceAll("([a-z0-9])([A-Z])", "$1-$2").toLowerCase(Locale.ROOT);
  }

  /**
   * {@code EXACTLY_ONCE_V2} is {@code exactly-once-v2}. What no constant can be called, such as a
   * number, is what its {@code toString} says.
   */
  static String nameOf(Enum<?> constant) {
    return constant.toString().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Whether a constant's name is a whole number, and one in YAML, too. */
  static boolean isNumber(String name) {
    return name.matches("\\d{1,9}");
  }

  /** A bound without a trailing ".0". */
  static String number(double value) {
    final var plain = new BigDecimal(value).stripTrailingZeros();
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? plain.toPlainString()
        : Double.toString(value);
  }
}
