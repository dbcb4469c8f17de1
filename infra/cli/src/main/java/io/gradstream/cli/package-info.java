/**
 * The command line: one class a command, each a thin layer over the services.
 *
 * <p>A user's mistake is a {@link io.gradstream.proto.UserError}: one line, exit code 2. What runs
 * is watched from outside, through the run's topics, so that `status` and the live line of `train`
 * tell the same story whether the roles are threads here or processes elsewhere.
 */
@NullMarked
package io.gradstream.cli;

import org.jspecify.annotations.NullMarked;
