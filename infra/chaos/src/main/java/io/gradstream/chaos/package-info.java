/**
 * The proof of "same slots, same bits": trains a run while its processes are killed, paused and
 * joined and its topics get records that no worker would send, and compares the weights with those
 * of an undisturbed run.
 */
@NullMarked
package io.gradstream.chaos;

import org.jspecify.annotations.NullMarked;
