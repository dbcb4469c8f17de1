/** What another method would have made of the recorded gradients. */
@NullMarked
package io.gradstream.audit.replay;

import org.jspecify.annotations.NullMarked;
