/**
 * Optimizers: how weights follow from the unified gradient. No Kafka.
 *
 * <p>Plug-ins stand on this package; {@code docs/guides/plug-ins.md} says on which of its types.
 */
@NullMarked
package io.gradstream.server.optimizer;

import org.jspecify.annotations.NullMarked;
