/**
 * Models that compute one task's gradient on one micro-batch.
 *
 * <p>Weights and gradients are flat off-heap vectors. A model's tensors alias them where the device
 * allows it, so that a shard goes from a record to the model, and from the model to a record, with
 * one copy.
 */
@NullMarked
package io.gradstream.producer.model;

import org.jspecify.annotations.NullMarked;
