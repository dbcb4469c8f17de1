package io.gradstream.arbitrator.resolver;

import io.gradstream.proto.spec.plugin.Plugin;
import java.util.function.Function;

/**
 * A resolver from a jar: makes, of its options, a resolver that draws random numbers from where it
 * is told to.
 *
 * @param <R> the options
 */
public interface ResolverPlugin<R extends Record>
    extends Plugin<R, Function<RandomSource, Resolver>> {
  @Override
  default String section() {
    return "resolver";
  }

  /** What {@code gradstream methods} tells beside the description and the options. */
  default MethodInfo info() {
    return new MethodInfo(MethodInfo.Space.GRAM, "a plug-in", "nothing that it names", "");
  }
}
