/** The masked auto-encoder: what it sees, its network, and its gradients. */
@NullMarked
package io.gradstream.producer.model.mae;

import org.jspecify.annotations.NullMarked;
