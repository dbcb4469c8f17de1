/** Where weights come from. */
@NullMarked
package io.gradstream.audit.origin;

import org.jspecify.annotations.NullMarked;
