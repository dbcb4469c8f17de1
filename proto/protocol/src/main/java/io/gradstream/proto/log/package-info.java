/** Reads a run's records, from a cluster or an archive, in order of offset. */
@NullMarked
package io.gradstream.proto.log;

import org.jspecify.annotations.NullMarked;
