/** A submitted run, as every service finds it on its spec topic. */
@NullMarked
package io.gradstream.proto.run;

import org.jspecify.annotations.NullMarked;
