/**
 * Submits a run to a cluster: checks the whole spec, creates the topics, and publishes the initial
 * weights and then the spec.
 *
 * <p>The spec is published last. So a process that finds the spec finds everything else as well,
 * and a submission that finds none starts over.
 */
@NullMarked
package io.gradstream.submission;

import org.jspecify.annotations.NullMarked;
