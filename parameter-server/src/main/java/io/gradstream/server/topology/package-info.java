/**
 * The Kafka Streams application around the weights: updates and verdicts in, weights and orders
 * out.
 *
 * <p>A topology is Kafka Streams' graph of sources, processors and sinks.
 */
@NullMarked
package io.gradstream.server.topology;

import org.jspecify.annotations.NullMarked;
