/**
 * Models that {@code gradstream.export} wrote: losses and gradients as ONNX graphs, run by ONNX
 * Runtime.
 *
 * <p>A file is data: operators of the ONNX standard alone, without references to other files and
 * without code ({@link io.gradstream.producer.model.onnx.OnnxFile} looks it over). The runtime sees
 * one pruned graph at a time, from memory.
 */
@NullMarked
package io.gradstream.producer.model.onnx;

import org.jspecify.annotations.NullMarked;
