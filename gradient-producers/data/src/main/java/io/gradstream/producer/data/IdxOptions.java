package io.gradstream.producer.data;

import io.gradstream.proto.spec.Param;

/**
 * Where images in MNIST's format lie.
 *
 * @param directory a directory, or {@code shipped:digits}
 * @param heldOut how many images are kept for validation
 */
public record IdxOptions(
    @Param("directory with MNIST's files, or shipped:digits for those that come with Gradstream")
        String directory,
    @Param(
            value =
                "images kept for validation: the first of the t10k files, else the last of the"
                    + " training files",
            defaultValue = "1000",
            min = 1,
            max = Integer.MAX_VALUE)
        int heldOut) {}
