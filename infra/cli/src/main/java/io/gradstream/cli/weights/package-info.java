/** A run's weights as they lie on its topic, and as files for other programs. */
@NullMarked
package io.gradstream.cli.weights;

import org.jspecify.annotations.NullMarked;
