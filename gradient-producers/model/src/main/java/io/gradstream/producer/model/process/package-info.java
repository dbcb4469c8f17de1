/**
 * Models that a script computes, in a process of its own: PyTorch, JAX, or anything that reads and
 * writes lines of JSON.
 *
 * <p>Weights and gradient are two files that both sides map, so that no value is copied between
 * them; commands and answers are lines on the child's standard input and output. {@code
 * docs/process-protocol.md} describes them.
 */
@NullMarked
package io.gradstream.producer.model.process;

import org.jspecify.annotations.NullMarked;
