/**
 * The run spec: one YAML file, strictly read.
 *
 * <p>Text becomes located nodes ({@code YamlReader}), {@code --set} changes them ({@code
 * Assignment}), records are made of them ({@code Binder}) as their {@link
 * io.gradstream.proto.spec.Param}s say, and written back ({@code SpecTree}, {@code YamlWriter}).
 * What services choose by name stays a {@link io.gradstream.proto.spec.Section} until their {@link
 * io.gradstream.proto.spec.Catalog} makes it.
 */
@NullMarked
package io.gradstream.proto.spec;

import org.jspecify.annotations.NullMarked;
