/** The evaluator: losses on held-out data, every so many weights versions. */
@NullMarked
package io.gradstream.producer.evaluator;

import org.jspecify.annotations.NullMarked;
