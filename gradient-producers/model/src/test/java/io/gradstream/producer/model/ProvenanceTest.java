package io.gradstream.producer.model;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A process that would compute something else than the run's gradients says so and stops. */
class ProvenanceTest {
  private static final TensorShape SHARED =
      new TensorShape("w", new long[] {2}, TensorShape.SHARED);
  private static final TensorShape OWN = new TensorShape("head", new long[] {1}, 0);

  private final Provenance submitted = provenance("script", "torch", "2.15.0+cpu", false, "data");

  private static Provenance provenance(
      String script, String framework, String version, boolean any, String data) {
    return new Provenance(
        List.of(
            RunRecord.File.newBuilder()
                .setName("net.py")
                .setSha256(ByteString.copyFromUtf8(script))
                .build()),
        RunRecord.Framework.newBuilder().setName(framework).setVersion(version).build(),
        any,
        new DataDigests(ByteString.copyFromUtf8(data), List.of()));
  }

  private RunDescription run(String scope) {
    final RunSpec spec =
        RunSpec.parse(
            """
            run: r
            rounds: 1
            tasks: [{name: a, loss: given}, {name: b, loss: given}]
            model: {type: process, command: [python3, net.py]}
            resolver: sum
            optimizer: {type: sgd, learning-rate: 0.1}
            scope: %s
            """
                .formatted(scope),
            "spec",
            List.of());
    final TensorShape head =
        scope.equals("all") ? new TensorShape("head", new long[] {1}, TensorShape.SHARED) : OWN;
    final Manifest manifest = Manifest.of(List.of("a", "b"), List.of(SHARED, head), 8, 1);
    return RunDescription.of(spec, manifest, submitted.record());
  }

  private static TaskModel model(Provenance provenance, TensorShape... tensors) {
    return new TaskModel() {
      @Override
      public List<TensorShape> tensors() {
        return List.of(tensors);
      }

      @Override
      public MemorySegment weights() {
        throw new UnsupportedOperationException();
      }

      @Override
      public MemorySegment gradient() {
        throw new UnsupportedOperationException();
      }

      @Override
      public void initialize(long seed) {}

      @Override
      public double gradient(int task, long microBatch) {
        throw new UnsupportedOperationException();
      }

      @Override
      public double[] scalarizedGradient(long microBatch) {
        throw new UnsupportedOperationException();
      }

      @Override
      public Validation validate(int samples) {
        throw new UnsupportedOperationException();
      }

      @Override
      public long fingerprint() {
        return 0;
      }

      @Override
      public Provenance provenance() {
        return provenance;
      }

      @Override
      public void close() {}
    };
  }

  private void refuses(Provenance provenance, String message, TensorShape... tensors) {
    assertThatThrownBy(() -> Provenance.require(run("shared"), model(provenance, tensors)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(message);
  }

  @Test
  void sameModelPasses() {
    assertThatCode(() -> Provenance.require(run("shared"), model(submitted, SHARED, OWN)))
        .doesNotThrowAnyException();
    assertThatCode(() -> Provenance.require(run("all"), model(submitted, SHARED, OWN)))
        .doesNotThrowAnyException();
  }

  @Test
  void otherParametersAreNamed() {
    refuses(submitted, "head[1] of task 0 there, none more here", SHARED);
  }

  @Test
  void otherScriptIsRefused() {
    refuses(provenance("else", "torch", "2.15.0", false, "data"), "net.py (SHA-256", SHARED, OWN);
  }

  @Test
  void otherVersionIsRefusedUnlessTheSpecTakesAny() {
    refuses(
        provenance("script", "torch", "2.14.1", false, "data"), "torch 2.15.0+cpu", SHARED, OWN);
    final Provenance any = provenance("script", "torch", "2.14.1", true, "data");
    assertThatCode(() -> Provenance.require(run("shared"), model(any, SHARED, OWN)))
        .doesNotThrowAnyException();
  }

  @Test
  void buildForAnotherDeviceIsTheSameVersion() {
    final Provenance gpu = provenance("script", "torch", "2.15.0+cu132", false, "data");
    assertThatCode(() -> Provenance.require(run("shared"), model(gpu, SHARED, OWN)))
        .doesNotThrowAnyException();
  }

  @Test
  void otherDataAreRefused() {
    refuses(provenance("script", "torch", "2.15.0", false, "else"), "other data", SHARED, OWN);
  }
}
