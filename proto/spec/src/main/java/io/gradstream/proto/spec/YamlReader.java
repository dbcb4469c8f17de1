package io.gradstream.proto.spec;

import io.gradstream.proto.UserError;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/**
 * Reads YAML into nodes that know their line.
 *
 * <p>Keys are unique and plain. Anchors and aliases are refused: a spec is read by people and
 * rewritten by machines, and neither wants a value that lives elsewhere (or a document that unfolds
 * to a billion nodes).
 */
final class YamlReader {
  private static final int MAX_DEPTH = 50;

  private final Function<Integer, Location> locations;
  private final Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());

  private YamlReader(Function<Integer, Location> locations) {
    this.locations = locations;
  }

  /** Reads a document; locations are {@code source:line}. */
  static SpecNode read(String text, String source) {
    return new YamlReader(line -> Location.line(source, line)).document(text);
  }

  /** Reads a value that stands in one place, such as on the command line. */
  static SpecNode read(String text, Location location) {
    return new YamlReader(line -> location).document(text);
  }

  private SpecNode document(String text) {
    try {
      final var settings = LoadSettings.builder().setParseComments(false).build();
      requireShallow(text, settings);
      final @Nullable Node root = new Compose(settings).composeString(text).orElse(null);
      return root == null
          ? new SpecNode.Scalar("", true, locations.apply(1))
          : node(root, lineOf(root));
    } catch (MarkedYamlEngineException e) {
      final int line = lineOf(e.getProblemMark());
      final int begin = lineOf(e.getContextMark().or(e::getProblemMark));
      throw new UserError(
          locations.apply(line).text()
              + ": not YAML: "
              + oneLine(e.getProblem())
              + (begin == line ? "" : ", " + oneLine(e.getContext()) + " from line " + begin));
    } catch (YamlEngineException e) {
      throw new UserError(
          locations.apply(1).text() + ": not YAML: " + oneLine(String.valueOf(e.getMessage())));
    }
  }

  /** Nodes are composed by recursion, so depth is looked at before; no spec needs much of it. */
  private void requireShallow(String text, LoadSettings settings) {
    int depth = 0;
    for (final Event event : new Parse(settings).parseString(text)) {
      depth +=
          switch (event) {
            case CollectionStartEvent start -> 1;
            case CollectionEndEvent end -> -1;
            default -> 0;
          };
      if (depth > MAX_DEPTH) {
        throw new UserError(
            locations.apply(lineOf(event.getStartMark())).text()
                + ": nested deeper than "
                + MAX_DEPTH
                + " levels; no part of a run spec is");
      }
    }
  }

  private SpecNode node(Node node, int line) {
    final var location = locations.apply(line);
    if (!seen.add(node)) {
      throw new UserError(location.text() + ": an alias; write the value out instead");
    }
    return switch (node) {
      case ScalarNode scalar ->
          new SpecNode.Scalar(
              scalar.getValue(), scalar.getScalarStyle() == ScalarStyle.PLAIN, location);
      case SequenceNode sequence -> {
        final var items = new ArrayList<SpecNode>();
        sequence.getValue().forEach(item -> items.add(node(item, lineOf(item))));
        yield new SpecNode.Items(items, location);
      }
      case MappingNode mapping -> keys(mapping, location);
      default -> throw new UserError(location.text() + ": an alias; write the value out instead");
    };
  }

  private SpecNode keys(MappingNode mapping, Location location) {
    final var entries = new LinkedHashMap<String, SpecNode>();
    for (final var tuple : mapping.getValue()) {
      final int line = lineOf(tuple.getKeyNode());
      final var where = locations.apply(line).text();
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        throw new UserError(where + ": expected a plain key, found a list or keys");
      }
      final var previous = entries.put(key.getValue(), node(tuple.getValueNode(), line));
      if (previous != null) {
        throw new UserError(
            where
                + ": "
                + key.getValue()
                + ": given twice in one place, first at "
                + previous.location().text());
      }
    }
    return new SpecNode.Keys(entries, location);
  }

  private static int lineOf(Node node) {
    return lineOf(node.getStartMark());
  }

  private static int lineOf(Optional<Mark> mark) {
    return mark.map(m -> m.getLine() + 1).orElse(1);
  }

  private static String oneLine(String message) {
    return message.replaceAll("\\s*\\R\\s*", " ").strip();
  }
}
