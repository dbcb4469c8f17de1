package io.gradstream.proto.spec;

import io.gradstream.proto.UserError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One {@code --set key.path=value}, laid over the spec before it is read, so that it is held to the
 * same rules as the file.
 *
 * <p>The value is YAML; list items are named by index or by their {@code name}. A section that gets
 * another kind loses the options it had in the file, since they belong to the old one; options set
 * on the command line stay, in whatever order they came. {@code null} takes an optional value away.
 */
final class Assignment {
  private final String text;
  private final List<String> path;
  private final SpecNode value;
  private final Location location;

  /**
   * @param text {@code key.path=value}
   * @throws UserError if it does not have that form, or the value is not YAML
   */
  Assignment(String text) {
    this.text = text;
    this.location = Location.set(text);
    final int equals = text.indexOf('=');
    final var key = equals < 0 ? "" : text.substring(0, equals).strip();
    if (key.isEmpty() || key.startsWith(".") || key.endsWith(".") || key.contains("..")) {
      throw new UserError(
          location.text() + ": expected key=value, such as --set resolver.method=sum");
    }
    this.path = List.of(key.split("\\."));
    this.value = YamlReader.read(text.substring(equals + 1), location);
  }

  /**
   * The document with this assignment made.
   *
   * @param type the record that will be read from it
   */
  SpecNode applyTo(SpecNode document, Class<? extends Record> type) {
    return set(document, new Shape.Nested(type), 0);
  }

  private SpecNode set(@Nullable SpecNode node, @Nullable Shape shape, int depth) {
    if (depth == path.size()) {
      return value;
    }
    final var key = path.get(depth);
    return switch (node) {
      case SpecNode.Keys keys -> inKeys(keys, shape, key, depth);
      case SpecNode.Items items -> inItems(items, shape, key, depth);
      case SpecNode.Scalar name when shape instanceof Shape.Variant variant && name.isText() -> {
        final var kind = new LinkedHashMap<String, SpecNode>();
        kind.put(variant.kindKey(), name);
        yield inKeys(new SpecNode.Keys(kind, name.location()), shape, key, depth);
      }
      case SpecNode.Scalar scalar when !scalar.isNothing() ->
          throw error(depth, "is " + scalar.describe() + ", which has no \"" + key + "\" to set");
      case null, default ->
          inKeys(new SpecNode.Keys(new LinkedHashMap<>(), location), shape, key, depth);
    };
  }

  private SpecNode inKeys(SpecNode.Keys keys, @Nullable Shape shape, String key, int depth) {
    final var old = keys.get(key);
    final var parameter = parameterOf(shape, key);
    final var inFull = old == null || parameter == null ? old : parameter.inFull(old);
    final var next = set(inFull, parameter == null ? null : parameter.shape(), depth + 1);
    final var entries = new LinkedHashMap<>(keys.entries());
    entries.put(key, next);
    if (shape instanceof Shape.Variant variant
        && key.equals(variant.kindKey())
        && old != null
        && !old.describe().equals(next.describe())) {
      entries.values().removeIf(option -> !option.location().override());
    }
    return new SpecNode.Keys(entries, keys.location());
  }

  private SpecNode inItems(SpecNode.Items list, @Nullable Shape shape, String key, int depth) {
    final var items = new ArrayList<>(list.items());
    final var names = items.stream().map(Assignment::nameOf).toList();
    int index = names.indexOf(key);
    if (index < 0 && key.matches("\\d{1,6}")) {
      index = Integer.parseInt(key);
    }
    if (index < 0 || index >= items.size()) {
      final var known =
          names.stream().allMatch(String::isEmpty) ? "" : " (" + String.join(", ", names) + ")";
      throw error(depth, "has no item \"" + key + "\"; it has " + items.size() + known);
    }
    items.set(
        index, set(items.get(index), shape instanceof Shape.Many m ? m.item() : null, depth + 1));
    return new SpecNode.Items(items, list.location());
  }

  /** An item's name, by which it can be set; empty if it has none. */
  private static String nameOf(SpecNode item) {
    return item instanceof SpecNode.Keys keys && keys.get("name") instanceof SpecNode.Scalar name
        ? name.text()
        : "";
  }

  private static @Nullable Parameter parameterOf(@Nullable Shape owner, String key) {
    if (!(owner instanceof Shape.Nested nested)) {
      return null;
    }
    return Parameter.of(nested.type()).stream()
        .filter(parameter -> parameter.key().equals(key))
        .findFirst()
        .orElse(null);
  }

  private UserError error(int depth, String message) {
    return new UserError(
        location.text() + ": " + String.join(".", path.subList(0, depth)) + " " + message);
  }

  @Override
  public String toString() {
    return text;
  }
}
