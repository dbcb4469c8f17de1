package io.gradstream.proto.spec;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes maps, lists, strings, numbers and booleans as indented JSON. */
final class Json {
  private Json() {}

  static String document(Object value) {
    return write(value, "\n") + "\n";
  }

  private static String write(Object value, String newline) {
    final var inner = newline + "  ";
    return switch (value) {
      case Map<?, ?> map when !map.isEmpty() ->
          map.entrySet().stream()
              .map(e -> quote(String.valueOf(e.getKey())) + ": " + write(e.getValue(), inner))
              .collect(Collectors.joining("," + inner, "{" + inner, newline + "}"));
      case Map<?, ?> empty -> "{}";
      case List<?> list when list.stream().anyMatch(Map.class::isInstance) ->
          list.stream()
              .map(item -> write(item, inner))
              .collect(Collectors.joining("," + inner, "[" + inner, newline + "]"));
      case List<?> list ->
          list.stream()
              .map(item -> write(item, newline))
              .collect(Collectors.joining(", ", "[", "]"));
      case String text -> quote(text);
      case Number number -> number.toString();
      case Boolean flag -> flag.toString();
      default -> throw new IllegalArgumentException("not JSON: " + value.getClass().getName());
    };
  }

  /** Text in double quotes, in ASCII; YAML reads it the same way. */
  static String quote(String text) {
    final var quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      final char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < ' ' || c > '~') {
        quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }
}
