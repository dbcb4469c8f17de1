/** Who is asked for what, and when it is asked for again. No Kafka. */
@NullMarked
package io.gradstream.server.dispatch;

import org.jspecify.annotations.NullMarked;
