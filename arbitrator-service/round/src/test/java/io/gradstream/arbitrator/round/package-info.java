/** A round played without Kafka, and the same on whole vectors in float64. */
@NullMarked
package io.gradstream.arbitrator.round;

import org.jspecify.annotations.NullMarked;
