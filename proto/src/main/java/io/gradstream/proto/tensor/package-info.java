/** Float vectors in memory: kernels and conversions. No Kafka, no files. */
@NullMarked
package io.gradstream.proto.tensor;

import org.jspecify.annotations.NullMarked;
