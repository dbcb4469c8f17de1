/** Topic names and their settings. */
@NullMarked
package io.gradstream.proto.topic;

import org.jspecify.annotations.NullMarked;
