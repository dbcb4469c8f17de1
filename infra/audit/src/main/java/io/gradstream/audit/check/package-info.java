/** The audit: what a log says, held against what follows from it. */
@NullMarked
package io.gradstream.audit.check;

import org.jspecify.annotations.NullMarked;
