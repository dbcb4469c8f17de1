/** The stores of a run's services, held in memory, and where a forked run finds them. */
@NullMarked
package io.gradstream.audit.checkpoint;

import org.jspecify.annotations.NullMarked;
