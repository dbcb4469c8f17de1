package io.gradstream.benchmarks;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;

/**
 * One model size and number of tasks.
 *
 * @param size parameters D
 * @param tasks number of tasks N
 * @param roundMs median time of a round
 * @param wireBytes what a round adds to the topics of gradients, updates and weights
 * @param formulaBytes 4 D (N + 2): a gradient of each task, the update, the weights
 */
record ScalePoint(int size, int tasks, double roundMs, double wireBytes, double formulaBytes) {
  private static final String SPEC =
      """
      run: bench-scale
      seed: 1
      rounds: %d
      tasks:
      %s
      accumulation: {mode: sequential, micro-batches: 1, batch-size: 1}
      model: {type: toy, dimension: %d}
      resolver: {method: gcond}
      optimizer: {type: adamw, learning-rate: 0.02, weight-decay: 0.0}
      """;

  /** Trains a run of quadratics with one worker. */
  static ScalePoint measure(int size, int tasks, int rounds) {
    final String names =
        IntStream.range(0, tasks)
            .mapToObj("  - {name: task%d, loss: quadratic}"::formatted)
            .collect(Collectors.joining("\n"));
    final var spec =
        RunSpec.parse(SPEC.formatted(rounds, names, size), "the benchmark's spec", List.of());
    try (var local = LocalRun.submit(spec)) {
      final double before = bytes(local.run());
      local.train();
      final double wire = (bytes(local.run()) - before) / rounds;
      // Beside each round's weights the server publishes those it starts from.
      final double first = 4.0 * size / rounds;
      final Samples times = RoundTimes.read(local.run(), rounds / 2).rounds();
      return new ScalePoint(size, tasks, times.median(), wire - first, 4.0 * size * (tasks + 2.0));
    }
  }

  private static double bytes(Run run) {
    final Set<String> topics =
        IntStream.range(0, run.orderedTasks())
            .mapToObj(run.topics()::gradients)
            .collect(Collectors.toSet());
    topics.addAll(Set.of(run.topics().updates(), run.topics().weights()));
    try (Admin admin = run.connection().admin()) {
      final var brokers =
          admin.describeCluster().nodes().get().stream().map(node -> node.id()).toList();
      double bytes = 0;
      for (final var directories :
          admin.describeLogDirs(brokers).allDescriptions().get().values()) {
        for (final var directory : directories.values()) {
          for (final var replica : directory.replicaInfos().entrySet()) {
            if (topics.contains(replica.getKey().topic())) {
              bytes += replica.getValue().size();
            }
          }
        }
      }
      return bytes;
    } catch (ExecutionException e) {
      throw new IllegalStateException("the broker does not tell its logs' sizes", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while measuring", e);
    }
  }

  /** Work of the round in values. */
  double work() {
    return (double) size * tasks;
  }

  /** Slope of log time over log work, by least squares; 0 for fewer than two amounts of work. */
  static double exponent(List<ScalePoint> points) {
    final double x = points.stream().mapToDouble(p -> Math.log(p.work())).average().orElse(0);
    final double y = points.stream().mapToDouble(p -> Math.log(p.roundMs())).average().orElse(0);
    double products = 0;
    double squares = 0;
    for (final ScalePoint point : points) {
      final double dx = Math.log(point.work()) - x;
      products += dx * (Math.log(point.roundMs()) - y);
      squares += dx * dx;
    }
    return squares > 0 ? products / squares : 0;
  }
}
