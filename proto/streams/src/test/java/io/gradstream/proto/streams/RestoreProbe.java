package io.gradstream.proto.streams;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * A service that restores a store, with the settings of the run's services, in a process of its
 * own: {@link RestoreMemoryTest} says what memory that may take.
 */
final class RestoreProbe {
  static final String STORE = "vectors";
  static final int VECTOR_VALUES = 245_760;
  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private RestoreProbe() {}

  static Run run(String bootstrap) {
    final RunSpec spec =
        RunSpec.parse(
            """
            run: restored
            rounds: 1
            tasks: [{name: a, loss: quadratic}]
            accumulation: {micro-batches: 1, batch-size: 1}
            model: toy
            resolver: sum
            optimizer: {type: sgd, learning-rate: 1.0}
            """,
            "test",
            List.of());
    final var tensor = new TensorShape("w", new long[] {1}, TensorShape.SHARED);
    final Manifest manifest = Manifest.of(List.of("a"), List.of(tensor), 1, 1);
    return new Run(RunDescription.of(spec, manifest), Connection.to(bootstrap));
  }

  /** Arguments: brokers, the application's name, its input topic, a directory, how many vectors. */
  public static void main(String[] args) throws Exception {
    final Run run = run(args[0]);
    final int vectors = Integer.parseInt(args[4]);
    final var restored = new CompletableFuture<String>();
    final var topology = new Topology();
    topology
        .addSource("in", args[2])
        .addProcessor("reader", () -> new Reader(run, args[1], vectors, restored), "in")
        .addStateStore(InPlaceStore.builder(STORE), "reader");
    try (var streams =
        new KafkaStreams(topology, StreamsSettings.of(run, args[1], "one", Path.of(args[3])))) {
      streams.setUncaughtExceptionHandler(
          fault -> {
            restored.completeExceptionally(fault);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
          });
      streams.start();
      System.out.write(
          (restored.get(PATIENCE.toSeconds(), TimeUnit.SECONDS) + "\n").getBytes(UTF_8));
    }
  }

  private record Reader(Run run, String group, int vectors, CompletableFuture<String> restored)
      implements Processor<byte[], byte[], byte[], byte[]> {
    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      final InPlaceStore store = context.getStateStore(STORE);
      final byte[] metadata;
      try (var log = new LogReader(run.connection(), group)) {
        metadata = store.recover(log, () -> new byte[0]).orElseThrow();
      }
      float sum = 0;
      for (int index = 0; index < vectors; index++) {
        sum +=
            store
                .vector(new VectorId(0, index), VECTOR_VALUES)
                .getAtIndex(ValueLayout.JAVA_FLOAT, VECTOR_VALUES - 1L);
      }
      restored.complete(
          "%s: %d vectors, sum %.0f".formatted(new String(metadata, UTF_8), vectors, sum));
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      // Nothing comes.
    }
  }
}
