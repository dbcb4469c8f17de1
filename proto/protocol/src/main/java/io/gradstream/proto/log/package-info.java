/** A run's records, wherever they lie, read in order of offset. */
@NullMarked
package io.gradstream.proto.log;

import org.jspecify.annotations.NullMarked;
