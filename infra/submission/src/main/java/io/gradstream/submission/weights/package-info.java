/** A run's weights as they lie on its topic, and as files for other programs. */
@NullMarked
package io.gradstream.submission.weights;

import org.jspecify.annotations.NullMarked;
