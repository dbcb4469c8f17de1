/** The ordered tensors of a model, cut into shards and placed on partitions. */
@NullMarked
package io.gradstream.proto.manifest;

import org.jspecify.annotations.NullMarked;
