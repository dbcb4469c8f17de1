package io.gradstream.proto.spec;

import io.gradstream.proto.UserError;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A part of the run spec whose kind is chosen by name ("gcond", "mae", "adamw") and whose options
 * belong to the service that knows that kind. It is located when the spec is read and bound by that
 * service, usually through its {@link Catalog}.
 *
 * <p>In YAML it is {@code {method: gcond, iterations: 3}} or, without options, just {@code gcond}.
 * Two sections are equal if kind and options are, wherever they were written.
 */
public final class Section {
  /** The key that names the kind of a {@link Section} component: {@code type} or {@code method}. */
  @Target(ElementType.RECORD_COMPONENT)
  @Retention(RetentionPolicy.RUNTIME)
  public @interface KindKey {
    String value();
  }

  private final String kindKey;
  private final SpecNode.Scalar kind;
  private final String kindPath;
  private final SpecNode.Keys options;
  private final String path;

  private Section(
      String kindKey, SpecNode.Scalar kind, String kindPath, SpecNode.Keys options, String path) {
    this.kindKey = kindKey;
    this.kind = kind;
    this.kindPath = kindPath;
    this.options = options;
    this.path = path;
  }

  /**
   * A section that comes from no run spec, for tests and for callers with options of their own.
   *
   * @param values key to String, Number, Boolean, enum constant, {@code double[]}, List or Map
   */
  public static Section of(String kind, Map<String, ?> values) {
    return of(kind, values, "options of " + kind);
  }

  /**
   * The same, for values that were read elsewhere.
   *
   * @param source what messages start with, such as {@code cases.json: case gcond-3}
   */
  public static Section of(String kind, Map<String, ?> values, String source) {
    final var location = new Location(source, false);
    final var options = new LinkedHashMap<String, SpecNode>();
    values.forEach((key, value) -> options.put(key, nodeOf(value, location)));
    final var name = new SpecNode.Scalar(kind, false, location);
    return new Section("kind", name, "", new SpecNode.Keys(options, location), "");
  }

  static Section read(String kindKey, SpecNode node, String path) {
    final var keyPath = Binder.join(path, kindKey);
    if (node instanceof SpecNode.Scalar scalar && scalar.isText()) {
      final var none = new SpecNode.Keys(Map.of(), node.location());
      return new Section(kindKey, scalar, path, none, path);
    }
    if (!(node instanceof SpecNode.Keys keys)) {
      throw node.error(
          path, "expected a name, or keys with \"" + kindKey + "\", found " + node.describe());
    }
    final var kind = keys.get(kindKey);
    if (kind == null) {
      keys.entries()
          .forEach(
              (key, value) -> {
                if (Nearest.isNear(key, kindKey)) {
                  throw value.error(
                      Binder.join(path, key), "unknown key; did you mean \"" + kindKey + "\"?");
                }
              });
      throw node.error(keyPath, "missing; it names the kind");
    }
    if (!(kind instanceof SpecNode.Scalar scalar) || !scalar.isText()) {
      throw kind.error(keyPath, "expected a name, found " + kind.describe());
    }
    return new Section(kindKey, scalar, keyPath, keys.without(kindKey), path);
  }

  /** The name of the kind. */
  public String kind() {
    return kind.text();
  }

  /** The dotted path in the run spec, such as {@code tasks.1.loss}. */
  public String path() {
    return path;
  }

  /**
   * Reads the options into their record.
   *
   * @throws UserError at the first unknown key, missing key, wrong type or value out of range
   */
  public <R extends Record> R bind(Class<R> type) {
    return Binder.bind(type, options, path, List.of(kindKey));
  }

  /**
   * A mistake in one of the options that only its user can see, such as a directory that is not
   * there.
   *
   * @param key the option's key; the kind's own key is allowed too
   */
  public UserError error(String key, String message) {
    if (key.equals(kindKey)) {
      return kindError(message);
    }
    return Binder.locate(new SpecError(key, message), options, path);
  }

  /** A mistake in the kind itself. */
  UserError kindError(String message) {
    return kind.error(kindPath, message);
  }

  /** Says where a value stands that whoever uses the options refused. */
  public UserError locate(IllegalArgumentException refused) {
    return Binder.locate(refused, options, path);
  }

  SpecNode toNode(String key) {
    if (options.entries().isEmpty()) {
      return kind;
    }
    final var all = new LinkedHashMap<String, SpecNode>();
    all.put(key, kind);
    all.putAll(options.entries());
    return new SpecNode.Keys(all, options.location());
  }

  private static SpecNode nodeOf(@Nullable Object value, Location at) {
    return switch (value) {
      case null -> new SpecNode.Scalar("", true, at);
      case Number n -> new SpecNode.Scalar(n.toString(), true, at);
      case Boolean b -> new SpecNode.Scalar(b.toString(), true, at);
      case Enum<?> e -> new SpecNode.Scalar(Parameter.nameOf(e), false, at);
      case double[] a -> nodeOf(Arrays.stream(a).boxed().toList(), at);
      case List<?> l -> new SpecNode.Items(l.stream().map(item -> nodeOf(item, at)).toList(), at);
      case Map<?, ?> m -> {
        final var entries = new LinkedHashMap<String, SpecNode>();
        m.forEach((k, v) -> entries.put(String.valueOf(k), nodeOf(v, at)));
        yield new SpecNode.Keys(entries, at);
      }
      default -> new SpecNode.Scalar(value.toString(), false, at);
    };
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Section that && toString().equals(that.toString());
  }

  @Override
  public int hashCode() {
    return toString().hashCode();
  }

  /** Kind and options as YAML. */
  @Override
  public String toString() {
    return kind.text() + " " + YamlWriter.inline(options);
  }
}
