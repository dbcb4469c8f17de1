/** Answers of public implementations, and whether ours agree. */
@NullMarked
package io.gradstream.arbitrator.offline;

import org.jspecify.annotations.NullMarked;
