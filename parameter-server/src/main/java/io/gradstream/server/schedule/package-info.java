/** The course of the learning rate over the rounds. */
@NullMarked
package io.gradstream.server.schedule;

import org.jspecify.annotations.NullMarked;
