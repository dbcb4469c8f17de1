package io.gradstream.proto.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Micro-batches, batch sizes and data that tasks have of their own. */
class TaskBatchesTest {
  private static RunSpec spec(String accumulation, String data, String... tasks) {
    return RunSpec.parse(
        """
        run: r
        rounds: 3
        tasks: [%s]
        accumulation: {%s}
        data: %s
        model: m
        resolver: sum
        optimizer: sgd
        """
            .formatted(named(tasks), accumulation, data),
        "r.yaml",
        List.of());
  }

  private static String named(String... tasks) {
    final List<String> named = new ArrayList<>();
    for (int task = 0; task < tasks.length; task++) {
      named.add("{name: t%d, loss: l%s}".formatted(task, tasks[task]));
    }
    return String.join(", ", named);
  }

  @Test
  void tasksWithoutNumbersOfTheirOwnHaveThoseOfTheAccumulation() {
    final TaskBatches sequential =
        spec("micro-batches: 6, batch-size: 4", "none", "", "", "").batches();
    final TaskBatches stochastic =
        spec("mode: stochastic, micro-batches: 6, batch-size: 4", "none", "", "", "").batches();

    assertThat(sequential.slots().of(1)).isEqualTo(6);
    assertThat(sequential.microBatch(5, 2, 3)).isEqualTo(33);
    assertThat(sequential.firstSample(2, 33)).isEqualTo(33 * 4);
    assertThat(stochastic.slots().of(1)).isEqualTo(2);
    assertThat(stochastic.microBatch(5, 2, 1)).isEqualTo(35);
    assertThat(stochastic.firstSample(2, 35)).isEqualTo(35 * 4);
    assertThat(stochastic.microBatch(5, 3, 1)).as("of the pseudo-task").isEqualTo(31);
  }

  @Test
  void equalNumbersGivenForEachTaskMeanWhatTheCommonOnesMean() {
    for (final String mode : List.of("sequential", "stochastic")) {
      final int slots = mode.equals("stochastic") ? 3 : 6;
      final String own =
          ", micro-batches: %d, batch-size: 4, data: {type: idx, directory: d}".formatted(slots);
      final TaskBatches common =
          spec(
                  "mode: %s, micro-batches: 6, batch-size: 4".formatted(mode),
                  "{type: idx, directory: d}",
                  "",
                  "")
              .batches();
      final TaskBatches each = spec("mode: " + mode, "none", own, own).batches();
      for (int task = 0; task < 2; task++) {
        assertThat(each.slots().of(task)).isEqualTo(common.slots().of(task));
        assertThat(each.size(task)).isEqualTo(common.size(task));
        for (int slot = 0; slot < slots; slot++) {
          final long batch = each.microBatch(7, task, slot);
          assertThat(batch).isEqualTo(common.microBatch(7, task, slot));
          assertThat(each.firstSample(task, batch)).isEqualTo(common.firstSample(task, batch));
        }
      }
    }
  }

  /** Counts how often each position of each source is read. */
  private static void requireEachSampleOnce(TaskBatches batches, int tasks, int... sources) {
    final var read = new HashMap<List<Long>, Integer>();
    for (long round = 0; round < 5; round++) {
      for (int task = 0; task < tasks; task++) {
        for (int slot = 0; slot < batches.slots().of(task); slot++) {
          final long first = batches.firstSample(task, batches.microBatch(round, task, slot));
          final long source = batches.source(task);
          LongStream.range(first, first + batches.size(task))
              .forEach(position -> read.merge(List.of(source, position), 1, Integer::sum));
        }
      }
    }
    for (final int source : sources) {
      final int ofRound =
          IntStream.range(0, tasks)
              .filter(task -> batches.source(task) == source)
              .map(task -> batches.slots().of(task) * batches.size(task))
              .sum();
      for (long position = 0; position < 5L * ofRound; position++) {
        assertThat(read.remove(List.of((long) source, position))).isEqualTo(1);
      }
    }
    assertThat(read).isEmpty();
  }

  @Test
  void stochasticBatchesOfAnySizesAreDisjointAndLeaveNoSampleOut() {
    requireEachSampleOnce(
        spec(
                "mode: stochastic",
                "{type: idx, directory: d}",
                ", micro-batches: 2, batch-size: 8",
                ", micro-batches: 5, batch-size: 32",
                ", micro-batches: 1, batch-size: 7")
            .batches(),
        3,
        0);
  }

  @Test
  void stochasticBatchesOfDataOfTheirOwnFollowEachOtherInThese() {
    requireEachSampleOnce(
        spec(
                "mode: stochastic",
                "{type: idx, directory: d}",
                ", micro-batches: 2, batch-size: 8",
                ", micro-batches: 5, batch-size: 3, data: {type: idx, directory: e}",
                ", micro-batches: 1, batch-size: 7",
                ", micro-batches: 4, batch-size: 5, data: {type: idx, directory: e}")
            .batches(),
        4,
        0,
        1);
  }

  @Test
  void sequentialBatchesOfEachTaskFollowEachOther() {
    final TaskBatches batches =
        spec("batch-size: 16", "none", ", micro-batches: 2, batch-size: 8", ", micro-batches: 5")
            .batches();

    assertThat(batches.microBatch(3, 0, 1)).isEqualTo(7);
    assertThat(batches.firstSample(0, 7)).isEqualTo(56);
    assertThat(batches.microBatch(3, 1, 1)).isEqualTo(16);
    assertThat(batches.firstSample(1, 16)).isEqualTo(256);
    assertThat(batches.slots().ofAll()).isEqualTo(7);
  }

  @Test
  void groupsOfUnequalTasksHaveOneShareForAll() {
    final TaskSlots slots =
        spec("groups: 2", "none", ", micro-batches: 2", ", micro-batches: 6").slots();

    assertThat(slots.groups()).isEqualTo(2);
    assertThat(slots.share(0)).isEqualTo(0.5);
    assertThat(slots.groups(1).slotsOf(1)).isEqualTo(3);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          mode: stochastic                  | ', micro-batches: 2' | ''                   | none | tasks.0.micro-batches: in stochastic mode either all tasks have a number of their own, or none
          'mode: stochastic, micro-batches: 3' | ''                | ''                   | none | accumulation.micro-batches: 3 cannot be divided among 2 tasks
          groups: each                      | ', micro-batches: 2' | ', micro-batches: 4' | none | accumulation.groups: each needs equally many micro-batches of all tasks
          groups: 2                         | ', micro-batches: 2' | ', micro-batches: 5' | none | accumulation.groups: where tasks have different numbers of micro-batches, each is divided into equal groups; the 5 of task t1 are no multiple of 2
          groups: 3                         | ', micro-batches: 2' | ', micro-batches: 3' | none | accumulation.groups: 3 groups need as many micro-batches a task, and there are 2
          groups: 1                         | ', micro-batches: 0' | ''                   | none | tasks.0.micro-batches: 0 is out of range
          groups: 1                         | ', batch-size: 0'    | ''                   | none | tasks.0.batch-size: 0 is out of range
          groups: 1                         | ', data: a'          | ', data: b'          | c    | data: every task has data of its own; leave this section out
          """)
  void whatDoesNotFitTogetherIsRefused(
      String accumulation, String first, String second, String data, String message) {
    assertThatThrownBy(() -> spec(accumulation, data, first, second))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          , micro-batches: 2 | numbers of micro-batches
          , batch-size: 2    | batch sizes
          , data: b          | data
          """)
  void roundsOfTheSummedLossNeedOneBatchForAll(String own, String difference) {
    final String text =
        spec("micro-batches: 4, batch-size: 16", "a", "", own)
            .text()
            .replace("selection: none", "selection: smo");

    assertThatThrownBy(() -> RunSpec.parse(text, "r.yaml", List.of()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(
            "selection: rounds of the summed loss take one batch for all tasks, and these tasks have different "
                + difference);
  }

  @Test
  void aForkMayNotChangeHowManyMicroBatchesATaskHas() {
    final RunSpec before = spec("groups: 1", "none", ", micro-batches: 2, batch-size: 8", "");
    final RunSpec slots = spec("groups: 1", "none", ", micro-batches: 3, batch-size: 8", "");
    final RunSpec size = spec("groups: 1", "none", ", micro-batches: 2, batch-size: 9", "");

    assertThat(SpecChange.forbiddenInFork(before, slots).orElseThrow().key())
        .isEqualTo("tasks.0.micro-batches");
    assertThat(SpecChange.forbiddenInFork(before, size)).isEmpty();
    assertThat(SpecChange.forbiddenInReplay(before, size).orElseThrow().key())
        .isEqualTo("tasks.0.batch-size");
  }

  @Test
  void ownKeysAreWrittenAsTheyAreRead() {
    final RunSpec spec =
        spec("groups: 1", "none", ", micro-batches: 2, batch-size: 8, data: {type: idx, x: 1}", "");

    assertThat(spec.text())
        .contains(
            "{name: t0, loss: l, weight: 1.0, micro-batches: 2, batch-size: 8, data: {type: idx, x: 1}}")
        .contains("{name: t1, loss: l, weight: 1.0}");
    assertThat(RunSpec.parse(spec.text(), "again", List.of())).isEqualTo(spec);
  }
}
