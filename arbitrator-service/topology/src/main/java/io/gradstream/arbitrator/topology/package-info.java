/**
 * The Kafka Streams application around the rounds: records in, decision, records out.
 *
 * <p>A topology is Kafka Streams' graph of sources, processors and sinks. The arbitrator's has two
 * parts: one arbitrates each partition, the other decides the rounds of the whole run.
 */
@NullMarked
package io.gradstream.arbitrator.topology;

import org.jspecify.annotations.NullMarked;
