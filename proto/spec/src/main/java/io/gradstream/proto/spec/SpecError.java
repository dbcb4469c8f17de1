package io.gradstream.proto.spec;

/**
 * A value that its record refuses, thrown by the compact constructors of records read from the run
 * spec. The reader adds file, line and the path to the record, and makes it a {@link
 * io.gradstream.proto.UserError}.
 */
public final class SpecError extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  private final String key;
  private final String reason;

  /**
   * @param key the parameter's key within the record, kebab-case, such as {@code "thresholds"};
   *     dotted for a part of it, such as {@code "tasks.1.name"}
   * @param reason the value and what is allowed, to be read after the key and a colon
   */
  public SpecError(String key, String reason) {
    super(key + ": " + reason);
    this.key = key;
    this.reason = reason;
  }

  /** The key within the record that was refused. */
  public String key() {
    return key;
  }

  /** The value and what is allowed, without the key. */
  public String reason() {
    return reason;
  }
}
