package io.gradstream.audit.lineage;

/**
 * What a round changed in a tensor.
 *
 * @param tensor its name
 * @param norm Euclidean norm of the change
 * @param before norm of the tensor before
 */
public record TensorChange(String tensor, double norm, double before) {}
