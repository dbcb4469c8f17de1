package io.gradstream.producer.model.process;

/** A child died, took too long, or answered what was not asked. */
final class ChildFailure extends Exception {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what it did, to be read after the command's name
   */
  ChildFailure(String message) {
    super(message);
  }
}
