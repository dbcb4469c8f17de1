package io.gradstream.proto.spec.plugin;

/**
 * One name that a jar from outside adds to what run specs may say: a resolver, a model, a loss.
 *
 * <p>A class implements the interface of its kind, such as {@code ResolverPlugin}, has a public
 * constructor without arguments, and is named by the jar's file {@code
 * META-INF/services/io.gradstream.proto.spec.plugin.Plugin}. A process loads the jars that its own
 * command line names by {@code --plugin}, and no other: nothing on a topic makes it load code.
 *
 * @param <R> the options, a record whose components carry {@code @Param}; {@code NoOptions} where
 *     there are none
 * @param <F> what is made of them
 */
public interface Plugin<R extends Record, F> {
  /**
   * The key of the run spec under which the name stands, such as {@code resolver}. The interface of
   * a kind says it.
   */
  String section();

  /** The name in run specs: small letters, digits and hyphens. No other of the kind has it. */
  String name();

  /** What it is, in one line, as {@code gradstream methods} and editors show it. */
  String description();

  /** The class of the options. */
  Class<R> options();

  /**
   * Makes it. What it answers must follow from its arguments alone, to the bit, on every machine:
   * no clock, no {@code java.util.Random}, no {@code Math.sin} and its kin but {@code
   * StrictMath}'s.
   *
   * @throws IllegalArgumentException if options contradict each other; the message is shown with
   *     their place in the spec
   */
  F create(R options);
}
