/** Pictures of what a log tells. */
@NullMarked
package io.gradstream.audit.picture;

import org.jspecify.annotations.NullMarked;
