/** The records of a run's topics, read and written in place. */
@NullMarked
package io.gradstream.proto.record;

import org.jspecify.annotations.NullMarked;
