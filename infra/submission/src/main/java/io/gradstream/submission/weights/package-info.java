/** Reads a run's weights from its topic, and writes them as files for other programs. */
@NullMarked
package io.gradstream.submission.weights;

import org.jspecify.annotations.NullMarked;
