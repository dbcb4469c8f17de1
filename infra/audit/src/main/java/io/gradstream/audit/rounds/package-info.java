/**
 * A run's rounds as its log tells them, and the same rounds computed once more by the services' own
 * classes, without their stream.
 */
@NullMarked
package io.gradstream.audit.rounds;

import org.jspecify.annotations.NullMarked;
