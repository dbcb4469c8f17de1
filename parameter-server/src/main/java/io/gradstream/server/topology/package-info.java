/**
 * The Kafka Streams application around the weights: updates and verdicts in, weights and orders
 * out.
 */
@NullMarked
package io.gradstream.server.topology;

import org.jspecify.annotations.NullMarked;
