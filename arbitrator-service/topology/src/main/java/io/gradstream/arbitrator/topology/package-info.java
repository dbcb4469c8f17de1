/** The Kafka Streams application around the rounds: records in, decision, records out. */
@NullMarked
package io.gradstream.arbitrator.topology;

import org.jspecify.annotations.NullMarked;
