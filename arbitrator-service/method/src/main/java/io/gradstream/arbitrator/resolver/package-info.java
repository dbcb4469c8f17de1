/**
 * Turns a round's statistics into the weights with which its gradients are combined.
 *
 * <p>The module {@code method} holds the algorithms of multi-task training: the resolvers of this
 * package, the calibrators in front of them, the selection of joint rounds, the linear algebra that
 * they share, and a runner for gradients from a file.
 *
 * <p>A resolver is one small class behind {@link io.gradstream.arbitrator.resolver.Resolver};
 * {@link io.gradstream.arbitrator.resolver.Resolvers} is the one place where all are named.
 * Everything here is pure mathematics on N numbers or N x N matrices: no Kafka, no files, no clock,
 * no logging, so that an auditor can repeat every decision from the log.
 *
 * <p>Plug-ins stand on this package; {@code docs/guides/plug-ins.md} says on which of its types.
 */
@NullMarked
package io.gradstream.arbitrator.resolver;

import org.jspecify.annotations.NullMarked;
