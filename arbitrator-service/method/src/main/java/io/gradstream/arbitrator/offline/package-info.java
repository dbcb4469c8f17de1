/**
 * Runs methods on gradients from a file, without a stream: the same resolvers and calibrators as in
 * a run, with the gradients in float64 beside them so that the update itself can be shown.
 */
@NullMarked
package io.gradstream.arbitrator.offline;

import org.jspecify.annotations.NullMarked;
