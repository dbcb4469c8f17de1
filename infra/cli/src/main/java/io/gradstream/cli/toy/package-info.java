/**
 * CAGrad's toy experiment in one process: two losses of two parameters, the resolvers and
 * optimizers of a run, no Kafka, and a picture of where they go.
 */
@NullMarked
package io.gradstream.cli.toy;

import org.jspecify.annotations.NullMarked;
