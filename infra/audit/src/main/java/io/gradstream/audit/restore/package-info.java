/** Weights of the past, from the log. */
@NullMarked
package io.gradstream.audit.restore;

import org.jspecify.annotations.NullMarked;
