package io.gradstream.proto.spec;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The JSON Schema (draft 2020-12) of a record and of everything its catalogs know, for editors to
 * complete and check run specs.
 *
 * <p>It says what {@link Param}s say: descriptions, defaults, ranges, names, and that nothing else
 * is allowed. What concerns several parameters is checked at reading only.
 */
public final class JsonSchema {
  private final Map<String, Catalog<?>> catalogs;
  private final Set<String> unused;

  private JsonSchema(Map<String, Catalog<?>> catalogs) {
    this.catalogs = catalogs;
    this.unused = new LinkedHashSet<>(catalogs.keySet());
  }

  /**
   * The schema as indented JSON text.
   *
   * @param catalogs by dotted path of the section, without list indices: {@code "resolver"}, {@code
   *     "tasks.loss"}; one for each section of the record, and no other
   */
  public static String of(
      Class<? extends Record> type, Map<String, ? extends Catalog<?>> catalogs) {
    final var schema = new JsonSchema(Map.copyOf(catalogs));
    final var document = new LinkedHashMap<String, Object>();
    document.put("$schema", "https://json-schema.org/draft/2020-12/schema");
    document.put("title", "Gradstream run spec");
    document.putAll(schema.object(type, ""));
    if (!schema.unused.isEmpty()) {
      throw new IllegalArgumentException("no such sections: " + schema.unused);
    }
    return Json.document(document);
  }

  private Map<String, Object> object(Class<? extends Record> type, String path) {
    final var properties = new LinkedHashMap<String, Object>();
    final var required = new ArrayList<String>();
    add(Parameter.of(type), path, properties, required);
    return object(properties, required);
  }

  private static Map<String, Object> object(Map<String, Object> properties, List<String> required) {
    final var object = new LinkedHashMap<String, Object>();
    object.put("type", "object");
    object.put("properties", properties);
    if (!required.isEmpty()) {
      object.put("required", required);
    }
    object.put("additionalProperties", false);
    return object;
  }

  private void add(
      List<Parameter> parameters,
      String path,
      Map<String, Object> properties,
      List<String> required) {
    for (final var parameter : parameters) {
      properties.put(parameter.key(), property(parameter, path));
      if (parameter.required()) {
        required.add(parameter.key());
      }
    }
  }

  private Map<String, Object> property(Parameter parameter, String path) {
    final var property = new LinkedHashMap<String, Object>();
    property.put("description", parameter.doc());
    final var value = value(parameter.shape(), parameter, Binder.join(path, parameter.key()));
    if (parameter.optional()) {
      property.put("anyOf", List.of(value, Map.of("type", "null")));
    } else {
      property.putAll(value);
    }
    if (!parameter.defaultValue().isEmpty()) {
      property.put(
          "default", plain(YamlReader.read(parameter.defaultValue(), parameter.key()), parameter));
    }
    return property;
  }

  private Map<String, Object> value(Shape shape, Parameter parameter, String path) {
    final var value = new LinkedHashMap<String, Object>();
    switch (shape) {
      case Shape.Text text -> value.put("type", "string");
      case Shape.Flag flag -> value.put("type", "boolean");
      case Shape.Whole whole -> number("integer", parameter.param(), value);
      case Shape.Real real -> number("number", parameter.param(), value);
      case Shape.Choice choice ->
          value.put("enum", choice.names().stream().map(JsonSchema::constant).toList());
      case Shape.Nested nested -> {
        final var keys = object(nested.type(), path);
        if (parameter.param().shortFor().isEmpty()) {
          value.putAll(keys);
        } else {
          value.put("anyOf", List.of(Map.of("type", "string"), keys));
        }
      }
      case Shape.Variant variant -> value.put("oneOf", kinds(variant.kindKey(), path));
      case Shape.Many many -> {
        value.put("type", "array");
        value.put("items", value(many.item(), parameter, path));
      }
    }
    return value;
  }

  private static void number(String type, Param param, Map<String, Object> value) {
    value.put("type", type);
    if (param.min() != Double.NEGATIVE_INFINITY) {
      value.put(param.exclusiveMin() ? "exclusiveMinimum" : "minimum", bound(param.min()));
    }
    if (param.max() != Double.POSITIVE_INFINITY) {
      value.put(param.exclusiveMax() ? "exclusiveMaximum" : "maximum", bound(param.max()));
    }
  }

  private static Object constant(String name) {
    return Parameter.isNumber(name) ? (Object) Integer.valueOf(name) : name;
  }

  private static BigDecimal bound(double value) {
    return new BigDecimal(Parameter.number(value));
  }

  /** A bare name, for kinds that need no option; or keys, one alternative for each kind. */
  private List<Object> kinds(String kindKey, String path) {
    unused.remove(path);
    final var catalog = catalogs.get(path);
    if (catalog == null) {
      throw new IllegalArgumentException("no catalog for section " + path);
    }
    final var alternatives = new ArrayList<Object>();
    final var bare =
        catalog.names().stream()
            .filter(name -> catalog.parametersOf(name).stream().noneMatch(Parameter::required))
            .toList();
    if (!bare.isEmpty()) {
      alternatives.add(Map.of("enum", bare));
    }
    for (final var name : catalog.names()) {
      final var properties = new LinkedHashMap<String, Object>();
      final var required = new ArrayList<>(List.of(kindKey));
      final var kind = new LinkedHashMap<String, Object>();
      kind.put("description", catalog.docOf(name));
      kind.put("const", name);
      properties.put(kindKey, kind);
      add(catalog.parametersOf(name), path, properties, required);
      alternatives.add(object(properties, required));
    }
    return alternatives;
  }

  private static Object plain(SpecNode node, Parameter parameter) {
    return switch (node) {
      case SpecNode.Items list -> list.items().stream().map(i -> plain(i, parameter)).toList();
      case SpecNode.Keys keys -> {
        final var map = new LinkedHashMap<String, Object>();
        keys.entries().forEach((key, value) -> map.put(key, plain(value, parameter)));
        yield map;
      }
      case SpecNode.Scalar scalar -> {
        final var number = scalar.number();
        if (number != null && !(parameter.shape() instanceof Shape.Text)) {
          yield number;
        }
        yield scalar.isFlag() ? (Object) Boolean.valueOf(scalar.text()) : scalar.text();
      }
    };
  }
}
