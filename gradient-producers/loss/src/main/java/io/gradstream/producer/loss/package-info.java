/**
 * The losses that tasks choose by name.
 *
 * <p>Numbers that tensors are multiplied with or divided by are tensors of the pass's manager,
 * never Java numbers: DJL makes a tensor of a Java number too, but frees its memory as soon as the
 * garbage collector comes by, and the backward pass reads it once more.
 *
 * <p>Plug-ins stand on this package; {@code docs/guides/plug-ins.md} says on which of its types.
 */
@NullMarked
package io.gradstream.producer.loss;

import org.jspecify.annotations.NullMarked;
