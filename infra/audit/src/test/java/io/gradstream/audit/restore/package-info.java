/** Weights of the past. */
@NullMarked
package io.gradstream.audit.restore;

import org.jspecify.annotations.NullMarked;
