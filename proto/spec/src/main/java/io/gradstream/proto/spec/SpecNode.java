package io.gradstream.proto.spec;

import io.gradstream.proto.UserError;
import java.math.BigDecimal;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A piece of YAML that knows where it was written. Immutable; changing a spec makes a new tree.
 *
 * <p>A value under a key has the line of its key, a list item its own. Scalars stay text until a
 * parameter says what they are, so that nothing is guessed and nothing is lost on the way back.
 */
sealed interface SpecNode {
  Location location();

  /** A mistake at this place, about the given dotted path (empty for the whole document). */
  default UserError error(String path, String message) {
    return new UserError(location().text() + ": " + (path.isEmpty() ? "" : path + ": ") + message);
  }

  /** What stands here, as a message names it. */
  String describe();

  /**
   * One value.
   *
   * @param plain whether it stood without quotes, and so may be a number, a boolean or nothing
   */
  record Scalar(String text, boolean plain, Location location) implements SpecNode {
    private static final Pattern NOTHING = Pattern.compile("|~|null|Null|NULL");
    private static final Pattern NUMBER =
        Pattern.compile("[-+]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][-+]?\\d{1,4})?");
    private static final Pattern FLAG = Pattern.compile("true|True|TRUE|false|False|FALSE");

    boolean isNothing() {
      return plain && NOTHING.matcher(text).matches();
    }

    boolean isFlag() {
      return plain && FLAG.matcher(text).matches();
    }

    /** The number written here, exactly, or null if this is none. */
    @Nullable BigDecimal number() {
      return plain && NUMBER.matcher(text).matches() ? new BigDecimal(text) : null;
    }

    /** Whether this is text to every YAML reader, not a number, a boolean or nothing. */
    boolean isText() {
      return !plain || (!isNothing() && !isFlag() && number() == null);
    }

    @Override
    public String describe() {
      if (isNothing()) {
        return "nothing";
      }
      return isText() ? "\"" + text + "\"" : text;
    }
  }

  /** A list. */
  record Items(List<SpecNode> items, Location location) implements SpecNode {
    public Items {
      items = List.copyOf(items);
    }

    @Override
    public String describe() {
      return "a list";
    }
  }

  /** Keys with their values, in the order they were written. */
  record Keys(Map<String, SpecNode> entries, Location location) implements SpecNode {
    public Keys {
      entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
    }

    @Nullable SpecNode get(String key) {
      return entries.get(key);
    }

    /** The same keys without one of them. */
    Keys without(String key) {
      final var rest = new LinkedHashMap<>(entries);
      rest.remove(key);
      return new Keys(rest, location);
    }

    @Override
    public String describe() {
      return entries.isEmpty() ? "no keys" : "keys (" + String.join(", ", entries.keySet()) + ")";
    }
  }
}
