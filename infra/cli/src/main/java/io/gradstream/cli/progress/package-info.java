/**
 * A run's progress and results, read from its topics alone, as anybody with access to the log could
 * read them.
 */
@NullMarked
package io.gradstream.cli.progress;

import org.jspecify.annotations.NullMarked;
