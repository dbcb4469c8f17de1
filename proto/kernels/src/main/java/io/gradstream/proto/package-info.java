/** The ground floor: protocol, run spec, manifest, tensor kernels and in-place state. */
@NullMarked
package io.gradstream.proto;

import org.jspecify.annotations.NullMarked;
