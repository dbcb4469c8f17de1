package io.gradstream.proto.spec;

/**
 * Whose gradients a run takes, by the fingerprint of the arithmetic that they were computed with.
 *
 * <p>Processors, libraries and their settings round differently in the last place, so a digest
 * depends on who computed what where several kinds work for one run. A fingerprint is the first
 * eight bytes, big-endian, of the SHA-256 of a fixed computation's results; 0 says that none was
 * taken.
 */
public sealed interface ArithmeticPolicy {
  /** The fingerprint of a worker that took none. */
  long NONE = 0;

  /** Takes all; the digest depends on who computed what. */
  record Any() implements ArithmeticPolicy {}

  /** Takes one kind: that of the first slot of the run's first round, or of a fork's. */
  record Same() implements ArithmeticPolicy {}

  /**
   * Takes one kind, named in advance.
   *
   * @param fingerprint not {@link #NONE}
   */
  record Only(long fingerprint) implements ArithmeticPolicy {}

  /**
   * Reads {@code compute.arithmetic}.
   *
   * @throws SpecError if it is none of {@code any}, {@code same} and a fingerprint
   */
  static ArithmeticPolicy parse(String text) {
    return switch (text) {
      case "any" -> new Any();
      case "same" -> new Same();
      default -> {
        if (!text.matches("(?!0{16})[0-9a-f]{16}")) {
          throw new SpecError(
              "arithmetic",
              "\"%s\" is not allowed; must be any, same, or a fingerprint: 16 hexadecimal digits, as gradstream arithmetic prints them"
                  .formatted(text));
        }
        yield new Only(Long.parseUnsignedLong(text, 16));
      }
    };
  }

  /** A fingerprint as people see it: 16 hexadecimal digits, or that none was taken. */
  static String text(long fingerprint) {
    return fingerprint == NONE ? "no fingerprint" : "%016x".formatted(fingerprint);
  }
}
