/**
 * The run spec: one YAML file, strictly read.
 *
 * <p>{@code YamlReader} turns the text into nodes that know their line, {@code Assignment} applies
 * {@code --set} to the nodes, and {@code Binder} builds records from them as the records' {@link
 * io.gradstream.proto.spec.Param} annotations say. {@code SpecTree} and {@code YamlWriter} write a
 * spec back as text. A part of the spec that names a method, such as the resolver, stays a {@link
 * io.gradstream.proto.spec.Section} until a service's {@link io.gradstream.proto.spec.Catalog}
 * creates the method from it.
 *
 * <p>Plug-ins stand on this package; {@code docs/guides/plug-ins.md} says on which of its types.
 */
@NullMarked
package io.gradstream.proto.spec;

import org.jspecify.annotations.NullMarked;
