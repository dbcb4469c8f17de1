/** The losses that tasks choose by name. */
@NullMarked
package io.gradstream.producer.loss;

import org.jspecify.annotations.NullMarked;
