/** The weights of a partition and how updates change them. No Kafka. */
@NullMarked
package io.gradstream.server.weights;

import org.jspecify.annotations.NullMarked;
