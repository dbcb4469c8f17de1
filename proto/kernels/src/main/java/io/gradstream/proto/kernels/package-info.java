/** Float vectors in memory: kernels and conversions. No Kafka, no files. */
@NullMarked
package io.gradstream.proto.kernels;

import org.jspecify.annotations.NullMarked;
