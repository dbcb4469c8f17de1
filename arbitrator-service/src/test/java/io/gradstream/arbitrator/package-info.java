/** What keeps the arbitrator's packages apart. */
@NullMarked
package io.gradstream.arbitrator;

import org.jspecify.annotations.NullMarked;
