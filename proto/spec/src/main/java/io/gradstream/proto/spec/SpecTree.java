package io.gradstream.proto.spec;

import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** Makes nodes of records: the way back from {@link Binder}. */
final class SpecTree {
  private static final Location WRITTEN = new Location("written", false);

  private SpecTree() {}

  /** Every parameter with its value, defaults included; what is absent is left out. */
  static SpecNode.Keys of(Record owner) {
    final var entries = new LinkedHashMap<String, SpecNode>();
    for (final var parameter : Parameter.of(owner.getClass())) {
      final var value = get(owner, parameter);
      if (value != null) {
        entries.put(parameter.key(), node(value, parameter.shape()));
      }
    }
    return new SpecNode.Keys(entries, WRITTEN);
  }

  private static @Nullable Object get(Record owner, Parameter parameter) {
    try {
      final var accessor = parameter.component().getAccessor();
      accessor.setAccessible(true); // options records may be package-private
      return switch (accessor.invoke(owner)) {
        case null -> null;
        case Optional<?> o -> o.orElse(null);
        case OptionalInt o -> o.isPresent() ? o.getAsInt() : null;
        case OptionalLong o -> o.isPresent() ? o.getAsLong() : null;
        case OptionalDouble o -> o.isPresent() ? o.getAsDouble() : null;
        case Object value -> value;
      };
    } catch (IllegalAccessException | InvocationTargetException e) {
      throw new IllegalStateException("cannot read " + parameter.key(), e);
    }
  }

  private static SpecNode node(Object value, Shape shape) {
    return switch (value) {
      case Record nested -> of(nested);
      case Section section when shape instanceof Shape.Variant variant ->
          section.toNode(variant.kindKey());
      case double[] array -> node(Arrays.stream(array).boxed().toList(), shape);
      case List<?> list when shape instanceof Shape.Many many -> {
        final var items = new ArrayList<SpecNode>();
        list.forEach(item -> items.add(node(item, many.item())));
        yield new SpecNode.Items(items, WRITTEN);
      }
      case Enum<?> constant -> {
        final String name = Parameter.nameOf(constant);
        yield new SpecNode.Scalar(name, Parameter.isNumber(name), WRITTEN);
      }
      case Double d -> new SpecNode.Scalar(d.toString().toLowerCase(Locale.ROOT), true, WRITTEN);
      case Number n -> new SpecNode.Scalar(n.toString(), true, WRITTEN);
      case Boolean b -> new SpecNode.Scalar(b.toString(), true, WRITTEN);
      case String text -> new SpecNode.Scalar(text, false, WRITTEN);
      default -> throw new IllegalStateException("cannot write a " + value.getClass().getName());
    };
  }
}
