package io.gradstream.arbitrator.topology;

import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.resolver.GroupedResolver;
import io.gradstream.arbitrator.round.PartitionRound;
import io.gradstream.arbitrator.selection.Selections;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.run.OffHeap;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.streams.InPlaceStore;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.proto.topic.TopicKind.Writer;
import io.gradstream.proto.topic.Topics;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.kafka.streams.Topology;

/**
 * The arbitrator of a run.
 *
 * <pre>
 * gradients.&lt;task&gt;, verdicts ──▶ PartitionArbitrator ──▶ statistics, updates
 * statistics ─────────────────▶ RoundResolver ────────▶ verdicts
 * </pre>
 *
 * <p>The two halves meet on topics only, so the first runs once per partition on as many instances
 * as there are, and the second once in the whole run.
 */
public final class Arbitrator {
  private Arbitrator() {}

  /**
   * Starts an instance; it runs until closed.
   *
   * @param instance unique among the run's arbitrators, and the same after a restart
   * @param stateDir where Kafka Streams keeps its bookkeeping
   * @throws io.gradstream.proto.UserError if this JVM may not take the memory its vectors need
   */
  public static StreamsService start(Run run, String instance, Path stateDir) {
    OffHeap.announce(
        "the arbitrator",
        PartitionRound.vectorBytes(run.spec(), run.manifest()),
        run.manifest().partitions());
    return StreamsService.start(
        run, run.topics().arbitratorApplication(), instance, stateDir, topology(run));
  }

  /**
   * Checks, before a spec is submitted, that the arbitrator can run it: its calibrator, its
   * selection and its resolver.
   *
   * @throws io.gradstream.proto.UserError at the first method or option that is wrong
   */
  public static void check(RunSpec spec) {
    final int tasks = spec.tasks().size();
    if (Calibrators.create(spec.calibrator()).readsVariance()) {
      requireNoise(spec);
    }
    Selections.create(spec.selection())
        .ifPresent(gate -> checkLengths(spec.selection(), () -> gate.initialState(tasks)));
    final GroupedResolver resolver = GroupedResolver.of(spec);
    checkLengths(spec.resolver(), () -> resolver.initialState(tasks));
    if (resolver.elementwise() != null && spec.clipNorm() != null) {
      throw spec.resolver()
          .error(
              "method",
              spec.resolver().kind()
                  + " decides element by element, so its norm is not known beforehand; leave out"
                  + " clip-norm");
    }
  }

  private static void requireNoise(RunSpec spec) {
    for (int task = 0; task < spec.tasks().size(); task++) {
      if (spec.slots().of(task) < 2) {
        throw spec.calibrator()
            .error(
                "beta-schedule",
                "optimal needs two micro-batches of a task or more a round, to see their noise; %s has one"
                    .formatted(spec.tasks().get(task).name()));
      }
    }
  }

  /** Checks options that hold one number per task, which only the number of tasks shows. */
  private static void checkLengths(Section section, Runnable initialState) {
    try {
      initialState.run();
    } catch (IllegalArgumentException refused) {
      throw section.locate(refused);
    }
  }

  /** The two halves as separate sub-topologies. */
  public static Topology topology(Run run) {
    return topology(
        run, () -> new LogReader(run.connection(), run.topics().arbitratorApplication()));
  }

  /**
   * @param logs opens the reader with which a processor reads the log beside its subscription
   */
  static Topology topology(Run run, Supplier<LogReader> logs) {
    final Topics topics = run.topics();
    final Kernels kernels = Kernels.best();
    final List<String> records = new ArrayList<>(List.of(topics.verdicts()));
    IntStream.range(0, run.orderedTasks()).mapToObj(topics::gradients).forEach(records::add);
    final var topology = new Topology();
    topology
        .addSource("records", records.toArray(String[]::new))
        .addProcessor(
            PartitionArbitrator.NAME,
            () -> new PartitionArbitrator(run, kernels, logs.get()),
            "records")
        .addStateStore(InPlaceStore.builder(PartitionArbitrator.STORE), PartitionArbitrator.NAME);
    TopicSinks.add(topology, run.description(), Writer.ARBITRATOR, PartitionArbitrator.NAME);
    topology
        .addSource("statistics", topics.statistics())
        .addProcessor(RoundResolver.NAME, () -> new RoundResolver(run, logs.get()), "statistics");
    TopicSinks.add(topology, run.description(), Writer.ARBITRATOR, RoundResolver.NAME);
    return topology;
  }
}
