/**
 * A new run from a past version of another one.
 *
 * <p>Weights alone are no place to go on from: momentum, the sums of the round before, memories,
 * optimizer moments and method state belong to them. They are computed from the log and lie on the
 * new run's topic {@code state}, where its services find them at their first start as they would
 * find their own commits after a restart.
 */
@NullMarked
package io.gradstream.audit.fork;

import org.jspecify.annotations.NullMarked;
