package io.gradstream.producer.model.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;

/**
 * A transformer block with the normalisation in front (Dosovitskiy et al., 2021): {@code x +=
 * attention(norm (x)); x += mlp(norm(x))}, GELU in the mlp, no dropout. (DJL's own block normalises
 * over the batch.)
 */
public final class TransformerBlock {
  private final long heads;
  private final NormLayer attentionNorm;
  private final LinearLayer queryKeyValue;
  private final LinearLayer projection;
  private final NormLayer mlpNorm;
  private final LinearLayer expand;
  private final LinearLayer contract;

  /**
   * @param width of a token, a multiple of {@code heads}
   * @param mlpWidth of the hidden layer
   */
  public TransformerBlock(Layout layout, String name, long width, long heads, long mlpWidth) {
    this.heads = heads;
    attentionNorm = new NormLayer(layout, name + ".norm1", width);
    queryKeyValue =
        new LinearLayer(
            layout, name + ".attention.qkv", width, 3 * width, Initialization.ATTENTION);
    projection = new LinearLayer(layout, name + ".attention.projection", width, width);
    mlpNorm = new NormLayer(layout, name + ".norm2", width);
    expand = new LinearLayer(layout, name + ".mlp.expand", width, mlpWidth);
    contract = new LinearLayer(layout, name + ".mlp.contract", mlpWidth, width);
  }

  /** {@code x} and the answer are {@code batch x tokens x width}. */
  public NDArray apply(Parameters parameters, NDArray x) {
    NDArray attended = x.add(attention(parameters, attentionNorm.apply(parameters, x)));
    NDArray hidden = expand.apply(parameters, mlpNorm.apply(parameters, attended));
    return attended.add(contract.apply(parameters, Activation.gelu(hidden)));
  }

  private NDArray attention(Parameters parameters, NDArray x) {
    long batch = x.getShape().get(0);
    long tokens = x.getShape().get(1);
    long width = x.getShape().get(2);
    long headWidth = width / heads;
    NDList parts =
        queryKeyValue
            .apply(parameters, x)
            .reshape(new Shape(batch, tokens, 3, heads, headWidth))
            .transpose(2, 0, 3, 1, 4)
            .split(3);
    NDArray scale = x.getManager().create(1 / (float) Math.sqrt((double) headWidth));
    NDArray query = parts.get(0).mul(scale);
    NDArray key = parts.get(1).transpose(0, 1, 2, 4, 3);
    NDArray mixed = query.matMul(key).softmax(-1).matMul(parts.get(2));
    NDArray merged = mixed.transpose(0, 1, 3, 2, 4).reshape(new Shape(batch, tokens, width));
    return projection.apply(parameters, merged);
  }
}
