package io.gradstream.producer.model.torchscript;

import io.gradstream.producer.loss.OutputLoss;
import org.jspecify.annotations.Nullable;

/**
 * A task of a TorchScript model.
 *
 * @param output which of the module's outputs
 * @param loss compares it with the target; null where the output is the loss
 * @param target field of the data; null where the output is the loss
 * @param maxLabel the largest label of the target in the whole data set; -1 where it is no label
 * @param weight of the loss in the sum of all tasks' losses
 */
record TorchScriptTask(
    String name,
    String output,
    @Nullable OutputLoss loss,
    @Nullable String target,
    int maxLabel,
    double weight) {}
