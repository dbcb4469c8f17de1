/** The worker: takes an order, waits for its weights, computes, publishes, acknowledges. */
@NullMarked
package io.gradstream.producer.worker;

import org.jspecify.annotations.NullMarked;
