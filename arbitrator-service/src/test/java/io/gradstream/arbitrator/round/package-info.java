<<<<<<< HEAD
/** A round played without Kafka, and the same on whole vectors in float64. */
=======
/** Tests of rounds. */
>>>>>>> 6e87efd (Refuse gradients of rounds that have not begun and absurd norms; ask again for what was refused)
@NullMarked
package io.gradstream.arbitrator.round;

import org.jspecify.annotations.NullMarked;
