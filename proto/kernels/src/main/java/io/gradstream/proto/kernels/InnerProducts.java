package io.gradstream.proto.kernels;

/**
 * The inner products that one pass over the vectors of N tasks computes.
 *
 * @param gram inner products of the current vectors: the upper triangle with its diagonal, row by
 *     row, N(N+1)/2 values
 * @param cross inner product of current i (row) with previous j (column), N*N values row by row;
 *     empty where there are no previous vectors
 * @param momentum inner product of current i with the momentum, N values; empty without momentum
 * @param momentumSquared squared norm of the momentum; 0 without momentum
 */
@SuppressWarnings("ArrayRecordComponent") // handed on at once, never compared
public record InnerProducts(
    double[] gram, double[] cross, double[] momentum, double momentumSquared) {}
