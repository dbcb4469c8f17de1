package io.gradstream.producer.model.onnx;

import io.gradstream.proto.spec.Param;

/**
 * A file with losses and gradients as ONNX graphs.
 *
 * @param file beside the run spec
 * @param maxFileMb how large the file may be
 */
public record OnnxOptions(
    @Param(
            "a file that gradstream.export wrote, in the folder of the run spec; it travels with the run")
        String file,
    @Param(value = "how large the file may be, in MiB", defaultValue = "64", min = 1, max = 1024)
        int maxFileMb) {}
