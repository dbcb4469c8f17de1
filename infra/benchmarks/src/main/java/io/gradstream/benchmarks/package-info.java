/**
 * Benchmarks that a user can run: each measures a figure and, in the same run, the limit it is held
 * against, and prints both with their ratio.
 *
 * <p>Machines differ and are shared; a ratio of two medians taken in turns in one process tells
 * more than either of them.
 */
@NullMarked
package io.gradstream.benchmarks;

import org.jspecify.annotations.NullMarked;
