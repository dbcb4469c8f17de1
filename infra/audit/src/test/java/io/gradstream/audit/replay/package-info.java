/** Reading rounds from a log. */
@NullMarked
package io.gradstream.audit.replay;

import org.jspecify.annotations.NullMarked;
