/** Reading rounds from a log. */
@NullMarked
package io.gradstream.audit.rounds;

import org.jspecify.annotations.NullMarked;
