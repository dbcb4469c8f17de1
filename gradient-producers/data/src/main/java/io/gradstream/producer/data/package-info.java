/**
 * What the models are trained on, and which samples a micro-batch holds.
 *
 * <p>Everything random here is a pure function of a seed and a position, never of a generator that
 * is shared or advanced, so that whoever computes a slot, in whatever order, gets the same data.
 *
 * <p>Plug-ins stand on this package; {@code docs/guides/plug-ins.md} says on which of its types.
 */
@NullMarked
package io.gradstream.producer.data;

import org.jspecify.annotations.NullMarked;
