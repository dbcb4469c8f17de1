/**
 * What a run has come to, told from its topics alone: what is read here is what a stranger with
 * access to the log would read.
 */
@NullMarked
package io.gradstream.cli.progress;

import org.jspecify.annotations.NullMarked;
