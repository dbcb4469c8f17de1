/** Tests of the topology that need no broker. */
@NullMarked
package io.gradstream.arbitrator.topology;

import org.jspecify.annotations.NullMarked;
