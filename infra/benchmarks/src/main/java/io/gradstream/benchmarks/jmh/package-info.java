/** JMH benchmarks of the tensor kernels. */
@NullMarked
package io.gradstream.benchmarks.jmh;

import org.jspecify.annotations.NullMarked;
