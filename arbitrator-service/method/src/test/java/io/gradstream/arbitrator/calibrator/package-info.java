/** What calibrators promise. */
@NullMarked
package io.gradstream.arbitrator.calibrator;

import org.jspecify.annotations.NullMarked;
