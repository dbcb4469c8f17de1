/** Tests of what is told of two ways to decide. */
@NullMarked
package io.gradstream.audit.replay;

import org.jspecify.annotations.NullMarked;
