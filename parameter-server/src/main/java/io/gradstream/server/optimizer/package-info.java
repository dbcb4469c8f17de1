/** Optimizers: how weights follow from the unified gradient. No Kafka. */
@NullMarked
package io.gradstream.server.optimizer;

import org.jspecify.annotations.NullMarked;
