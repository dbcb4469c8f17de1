package io.gradstream.producer.model.onnx;

import io.gradstream.producer.model.Requirements;
import io.gradstream.proto.spec.Param;

/**
 * A file with losses and gradients as ONNX graphs.
 *
 * @param file beside the run spec
 * @param maxFileMb how large the file may be
 * @param evalGradients whether gradients are taken in evaluation mode, as the file must have them
 */
public record OnnxOptions(
    @Param(
            "a file that gradstream.export wrote, in the folder of the run spec; it travels with the run")
        String file,
    @Param(value = "how large the file may be, in MiB", defaultValue = "64", min = 1, max = 1024)
        int maxFileMb,
    @Param(value = Requirements.EVAL_GRADIENTS, defaultValue = "false") boolean evalGradients) {}
