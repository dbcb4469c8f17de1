/** Logs that tests put together. */
@NullMarked
package io.gradstream.audit;

import org.jspecify.annotations.NullMarked;
