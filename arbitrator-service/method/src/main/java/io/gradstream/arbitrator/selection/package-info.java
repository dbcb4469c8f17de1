/** Which rounds need a gradient for each task, and which one of the summed loss. */
@NullMarked
package io.gradstream.arbitrator.selection;

import org.jspecify.annotations.NullMarked;
