package io.gradstream.proto.spec;

import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Writes nodes as YAML that a person likes to read and that is always the same for the same spec:
 * one line for each key of the document, one for each item of a list of sections, the rest inline.
 */
final class YamlWriter {
  private static final Pattern PLAIN =
      Pattern.compile("[A-Za-z_/][A-Za-z0-9_./+-]*(:[A-Za-z0-9_./+-]+)*");
  private static final Pattern WORD =
      Pattern.compile("true|false|null|yes|no|on|off|y|n", Pattern.CASE_INSENSITIVE);

  private YamlWriter() {}

  static String document(SpecNode.Keys keys) {
    final var text = new StringBuilder();
    keys.entries()
        .forEach(
            (key, node) -> {
              text.append(quote(key)).append(':');
              if (node instanceof SpecNode.Items list
                  && list.items().stream().anyMatch(SpecNode.Keys.class::isInstance)) {
                text.append('\n');
                list.items().forEach(i -> text.append("  - ").append(inline(i)).append('\n'));
              } else {
                text.append(' ').append(inline(node)).append('\n');
              }
            });
    return text.toString();
  }

  static String inline(SpecNode node) {
    return switch (node) {
      case SpecNode.Scalar scalar -> scalar(scalar);
      case SpecNode.Items list ->
          list.items().stream().map(YamlWriter::inline).collect(Collectors.joining(", ", "[", "]"));
      case SpecNode.Keys keys ->
          keys.entries().entrySet().stream()
              .map(e -> quote(e.getKey()) + ": " + inline(e.getValue()))
              .collect(Collectors.joining(", ", "{", "}"));
    };
  }

  private static String scalar(SpecNode.Scalar scalar) {
    if (scalar.isNothing()) {
      return "null";
    }
    return scalar.isText() ? quote(scalar.text()) : scalar.text();
  }

  /** Text as it is where no YAML reader can mistake it, else in double quotes. */
  private static String quote(String text) {
    if (PLAIN.matcher(text).matches() && !WORD.matcher(text).matches()) {
      return text;
    }
    return Json.quote(text);
  }
}
