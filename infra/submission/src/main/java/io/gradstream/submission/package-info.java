/**
 * How a run comes to a cluster: its spec is checked entirely, its topics are created, its initial
 * weights and then its spec are published.
 *
 * <p>The spec is published last. Whoever finds it finds all the rest; whoever does not, starts
 * over.
 */
@NullMarked
package io.gradstream.submission;

import org.jspecify.annotations.NullMarked;
