/** JMH benchmarks of the tensor kernels. */
@NullMarked
package io.gradstream.benchmarks;

import org.jspecify.annotations.NullMarked;
