/** A run's records, wherever they lie, read in order of offset. */
@NullMarked
package io.gradstream.audit.log;

import org.jspecify.annotations.NullMarked;
