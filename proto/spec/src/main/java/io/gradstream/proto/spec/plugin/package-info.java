/**
 * Plug-ins: names of a run spec that jars from outside give, and how such jars are loaded.
 *
 * <p>{@link io.gradstream.proto.spec.plugin.Plugin} is part of the surface that plug-ins stand on;
 * {@code docs/guides/plug-ins.md} lists all of it.
 */
@NullMarked
package io.gradstream.proto.spec.plugin;

import org.jspecify.annotations.NullMarked;
