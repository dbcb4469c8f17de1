package io.gradstream.proto.spec;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * One parameter of a record that is read from the run spec.
 *
 * <p>It is the only description of the parameter: reading, the JSON Schema and {@code gradstream
 * methods} all follow it. The key is the component's name in kebab-case. On a list, the range holds
 * for each element. A component without a default is required, unless it is {@code @Nullable} or an
 * {@code Optional}.
 */
@Target(ElementType.RECORD_COMPONENT)
@Retention(RetentionPolicy.RUNTIME)
public @interface Param {
  /** What the parameter is, in one line, with its unit. */
  String value();

  /** The default as a YAML literal, such as {@code 0.9}, {@code sequential} or {@code [1, 2]}. */
  String defaultValue() default "";

  /**
   * Of a record: its key that is meant where one value stands in place of keys, so that {@code
   * weights: a} is short for {@code weights: {file: a}}.
   */
  String shortFor() default "";

  /** The smallest allowed number. */
  double min() default Double.NEGATIVE_INFINITY;

  /** The largest allowed number. */
  double max() default Double.POSITIVE_INFINITY;

  /** Whether {@link #min()} itself is forbidden. */
  boolean exclusiveMin() default false;

  /** Whether {@link #max()} itself is forbidden. */
  boolean exclusiveMax() default false;

  /** Whether {@code replay} may decide recorded rounds by another value. */
  boolean inReplay() default false;

  /** What {@code fork} may change when a new run goes on from the state of another. */
  InFork inFork() default InFork.FREE;

  /** What a fork may change in a key. */
  enum InFork {
    FREE,
    /** The options, but not which method or type it is: the state it left would mean nothing. */
    KIND_FIXED,
    /** Nothing. */
    FIXED
  }
}
