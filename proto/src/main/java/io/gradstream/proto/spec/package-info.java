/** The run spec: one YAML file, strictly read. */
@NullMarked
package io.gradstream.proto.spec;

import org.jspecify.annotations.NullMarked;
