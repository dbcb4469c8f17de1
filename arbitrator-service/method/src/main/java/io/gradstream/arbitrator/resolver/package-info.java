/**
 * Turns a round's statistics into the weights with which its gradients are combined.
 *
 * <p>A method is one small class behind {@link io.gradstream.arbitrator.resolver.Resolver}; {@link
 * io.gradstream.arbitrator.resolver.Resolvers} is the one place where all are named. Everything
 * here is pure mathematics on N numbers or N x N matrices: no Kafka, no files, no clock, no
 * logging, so that an auditor can repeat every decision from the log.
 */
@NullMarked
package io.gradstream.arbitrator.resolver;

import org.jspecify.annotations.NullMarked;
