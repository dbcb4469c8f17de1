package io.gradstream.proto.kernels;

/**
 * The numbers of one SGD step: {@code g = u + weightDecay*theta; velocity = momentum*velocity + g;
 * theta = theta - learningRate*velocity}.
 *
 * @param momentum decay of the velocity; of no effect where there is no velocity
 */
public record SgdStep(float learningRate, float weightDecay, float momentum) {}
