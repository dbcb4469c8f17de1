package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A model whose samples have some digest. */
record KnownSamples(TaskModel model, ByteString data) implements TaskModel {
  @Override
  public ByteString batchDigest(int task, long microBatch) {
    return data;
  }

  @Override
  public List<TensorShape> tensors() {
    return model.tensors();
  }

  @Override
  public MemorySegment weights() {
    return model.weights();
  }

  @Override
  public MemorySegment gradient() {
    return model.gradient();
  }

  @Override
  public void initialize(long seed) {
    model.initialize(seed);
  }

  @Override
  public double gradient(int task, long microBatch) {
    return model.gradient(task, microBatch);
  }

  @Override
  public double[] scalarizedGradient(long microBatch) {
    return model.scalarizedGradient(microBatch);
  }

  @Override
  public Validation validate(int samples) {
    return model.validate(samples);
  }

  @Override
  public long fingerprint() {
    return model.fingerprint();
  }

  @Override
  public void close() {
    model.close();
  }
}
