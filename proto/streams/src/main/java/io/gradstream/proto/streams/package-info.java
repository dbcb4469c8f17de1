/** State that is changed in place and written down at commits. */
@NullMarked
package io.gradstream.proto.streams;

import org.jspecify.annotations.NullMarked;
