/**
 * Models that compute one task's gradient on one micro-batch.
 *
 * <p>Weights and gradients are flat off-heap vectors. A model's tensors alias them where the device
 * allows it, so that a shard goes from a record to the model, and from the model to a record, with
 * one copy.
 *
 * <p>Plug-ins stand on this package; {@code docs/guides/plug-ins.md} says on which of its types.
 */
@NullMarked
package io.gradstream.producer.model;

import org.jspecify.annotations.NullMarked;
