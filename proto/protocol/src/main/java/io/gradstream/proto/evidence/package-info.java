/** What makes a run's log evidence: digests that bind its records to each other, signatures. */
@NullMarked
package io.gradstream.proto.evidence;

import org.jspecify.annotations.NullMarked;
