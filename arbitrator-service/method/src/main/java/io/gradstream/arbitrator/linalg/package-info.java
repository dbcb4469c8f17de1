/** Linear algebra on small dense matrices with one row per task, which the methods compute with. */
@NullMarked
package io.gradstream.arbitrator.linalg;

import org.jspecify.annotations.NullMarked;
