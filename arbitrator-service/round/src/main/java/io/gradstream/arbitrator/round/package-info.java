/**
 * One round: accumulate the slots, take the inner products, combine. No Kafka: an auditor runs the
 * same classes over the log.
 */
@NullMarked
package io.gradstream.arbitrator.round;

import org.jspecify.annotations.NullMarked;
