/**
 * The PyTorch engine through DJL: its start, parameters over flat vectors, and layers.
 *
 * <p>DJL's own {@code Block}s, {@code Trainer} and {@code GradientCollector} are not used. They
 * keep parameters where they like, and the collector has one lock for the JVM, which would let only
 * one worker compute at a time. The autograd switches underneath it belong to the thread and are
 * called directly.
 */
@NullMarked
package io.gradstream.producer.model.torch;

import org.jspecify.annotations.NullMarked;
