/**
 * Filters in front of the resolver, with one memory of the gradient's size per task.
 *
 * <p>Every calibrator here is linear in the gradients: two numbers per task say how its memory
 * moves, two more how the calibrated gradient is made of the gradient and the memory. So it costs
 * one elementwise pass, and inner products of calibrated gradients follow from inner products of
 * what they are made of.
 *
 * <p>Plug-ins stand on this package; {@code docs/guides/plug-ins.md} says on which of its types.
 */
@NullMarked
package io.gradstream.arbitrator.calibrator;

import org.jspecify.annotations.NullMarked;
