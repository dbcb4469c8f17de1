/** Pictures of what a log tells. */
@NullMarked
package io.gradstream.audit.svg;

import org.jspecify.annotations.NullMarked;
