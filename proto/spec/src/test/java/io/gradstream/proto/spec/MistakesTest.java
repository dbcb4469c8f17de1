package io.gradstream.proto.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each kind of mistake in a run spec, and the one line that answers it. */
class MistakesTest {
  private static final String SPEC =
      """
      # a comment
      run: r
      rounds: 300
      tasks:
        - {name: l1, loss: masked-l1}
        - name: ssim
          loss: {type: masked-ssim, window: 7}
      model: {type: toy}
      resolver:
        method: gcond
        thresholds: [-0.8, -0.5, 0.0]
      optimizer: {type: sgd}
      momentum: {beta: 0.9}
      compute: {device: cpu}
      """;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          rounds: 300 | ruonds: 300 | x.yaml:3: ruonds: unknown key; did you mean "rounds"? Known: run, seed, rounds, tasks, accumulation, model, initial-weights, data, resolver, calibrator, selection, momentum, clip-norm, max-norm-ratio, on-divergence, optimizer, schedule, scope, evaluation, compute, transport, orders, keys
          rounds: 300 | # none      | x.yaml:2: rounds: missing; optimizer steps of the whole run (a whole number, at least 1)
          rounds: 300 | rounds: many | x.yaml:3: rounds: expected a whole number, found "many"
          rounds: 300 | rounds: "300" | x.yaml:3: rounds: expected a whole number, found "300"
          rounds: 300 | rounds: 1.5  | x.yaml:3: rounds: expected a whole number, found 1.5
          rounds: 300 | rounds:      | x.yaml:3: rounds: expected a whole number, found nothing
          rounds: 300 | rounds: [3]  | x.yaml:3: rounds: expected a whole number, found a list
          rounds: 300 | rounds: true | x.yaml:3: rounds: expected a whole number, found true
          rounds: 300 | rounds: 0    | x.yaml:3: rounds: 0 is out of range; must be at least 1
          rounds: 300 | rounds: 1e30 | x.yaml:3: rounds: 1e30 is out of range; must fit 64 bits
          rounds: 300 | rounds: 3\\nrounds: 4 | x.yaml:4: rounds: given twice in one place, first at x.yaml:3
          run: r | run: a b | x.yaml:2: run: "a b" is not allowed; a run's name has at most 100 letters, digits, inner hyphens and underscores
          run: r | run: {a: b} | x.yaml:2: run: expected text, found keys (a)
          beta: 0.9 | beta: 1 | x.yaml:13: momentum.beta: 1 is out of range; must be at least 0 and below 1
          beta: 0.9 | beta: .nan | x.yaml:13: momentum.beta: expected a number, found ".nan"
          {beta: 0.9} | {mode: pur} | x.yaml:13: momentum.mode: "pur" is not allowed; did you mean "pure"? Known: integrated, pure
          {beta: 0.9} | {mode: adam} | x.yaml:13: momentum.mode: "adam" is not allowed; known: integrated, pure
          {beta: 0.9} | 0.9 | x.yaml:13: momentum: expected keys (mode, beta), found 0.9
          {device: cpu} | {device: cuda} | x.yaml:14: compute.device: "cuda" is not allowed; must be cpu, or gpu:0, gpu:1, ...; did you mean gpu:0?
          {device: cpu} | {arithmetic: sam} | x.yaml:14: compute.arithmetic: "sam" is not allowed; must be any, same, or a fingerprint: 16 hexadecimal digits, as gradstream arithmetic prints them
          {name: l1, loss: masked-l1} | {name: ssim, loss: masked-l1} | x.yaml:6: tasks.1.name: "ssim" is already the name of tasks.0
          {name: l1, loss: masked-l1} | {name: L1, loss: masked-l1} | x.yaml:5: tasks.0.name: "L1" is not allowed; use at most 40 of a-z, 0-9 and inner hyphens, such as "left-digit"
          {name: l1, loss: masked-l1} | {name: all, loss: masked-l1} | x.yaml:5: tasks.0.name: "all" is reserved for all tasks together; choose another
          {name: l1, loss: masked-l1} | {name: l1} | x.yaml:5: tasks.0.loss: missing; the loss this task minimises (a name, or keys with "type")
          {name: l1, loss: masked-l1} | {name: l1, loss: 5} | x.yaml:5: tasks.0.loss: expected a name, or keys with "type", found 5
          {name: l1, loss: masked-l1} | {name: l1, loss: {tpye: x}} | x.yaml:5: tasks.0.loss.tpye: unknown key; did you mean "type"?
          {name: l1, loss: masked-l1} | {name: l1, loss: {window: 3}} | x.yaml:5: tasks.0.loss.type: missing; it names the kind
          {name: l1, loss: masked-l1} | {name: l1, loss: {type: [x]}} | x.yaml:5: tasks.0.loss.type: expected a name, found a list
          {name: l1, loss: masked-l1} | {name: l1, loss: x, weight: -1} | x.yaml:5: tasks.0.weight: -1 is out of range; must be at least 0 and at most 1000000
          {type: sgd} | {type: sgd | x.yaml:13: not YAML: expected ',' or '}', but got :, while parsing a flow mapping from line 12
          {type: sgd} | &a {type: sgd}\\nmodel2: *a | x.yaml:13: an alias; write the value out instead
          {type: sgd} | {? [a] : b} | x.yaml:12: expected a plain key, found a list or keys
          {type: sgd} | {type: sgd}\\naccumulation: {mode: stochastic, micro-batches: 5} | x.yaml:13: accumulation.micro-batches: 5 cannot be divided among 2 tasks; stochastic accumulation needs a multiple of 2, or tasks.micro-batches for each
          {type: sgd} | {type: sgd}\\ntransport: {shard-values: 245761} | x.yaml:13: transport.shard-values: 245761 is out of range; must be at least 1 and at most 245760
          {type: sgd} | {type: sgd}\\ntransport: {processing: exactly_once_v2} | x.yaml:13: transport.processing: "exactly_once_v2" is not allowed; did you mean "exactly-once-v2"? Known: at-least-once, exactly-once-v2
          """)
  void answersInOneLine(String right, String wrong, String message) {
    assertThat(SPEC).contains(right);
    final var text = SPEC.replace(right, (wrong == null ? "" : wrong).replace("\\n", "\n"));

    assertMistake(() -> RunSpec.parse(text, "x.yaml", List.of()), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          gcond | gcnd | x.yaml:10: resolver.method: unknown resolver "gcnd"; did you mean "gcond"? Known: gcond, sum, cagrad
          gcond | nash | x.yaml:10: resolver.method: unknown resolver "nash"; known: gcond, sum, cagrad
          gcond | sum  | x.yaml:11: resolver.thresholds: unknown key; nothing can be set here
          gcond | cagrad | x.yaml:11: resolver.thresholds: unknown key; known: calpha
          thresholds: | tresholds: | x.yaml:11: resolver.tresholds: unknown key; did you mean "thresholds"? Known: mode, thresholds, power, norm-cap, iterations, raw
          -0.8, -0.5 | -0.5, -0.8 | x.yaml:11: resolver.thresholds: [-0.5, -0.8, 0.0] do not rise; give them in rising order
          -0.8, -0.5 | -8, -0.5 | x.yaml:11: resolver.thresholds.0: -8 is out of range; must be at least -1 and at most 1
          -0.8, -0.5 | low | x.yaml:11: resolver.thresholds.0: expected a number, found "low"
          [-0.8, -0.5, 0.0] | -0.8 | x.yaml:11: resolver.thresholds: expected a list of numbers, found -0.8
          [-0.8, -0.5, 0.0] | \\n    - -0.8\\n    - 2 | x.yaml:13: resolver.thresholds.1: 2 is out of range; must be at least -1 and at most 1
          method: gcond | method: gcond\\n  raw: yes | x.yaml:11: resolver.raw: expected true or false, found "yes"
          method: gcond | method: gcond\\n  power: 0 | x.yaml:11: resolver.power: 0 is out of range; must be above 0
          method: gcond | method: gcond\\n  iterations: 1e10 | x.yaml:11: resolver.iterations: 1e10 is out of range; must fit 32 bits
          """)
  void answersForSectionsInOneLine(String right, String wrong, String message) {
    assertThat(SPEC).contains(right);
    final var text = SPEC.replace(right, wrong.replace("\\n", "\n"));
    final var spec = RunSpec.parse(text, "x.yaml", List.of());

    assertMistake(() -> Methods.CATALOG.create(spec.resolver()), message);
    assertMistake(() -> Methods.CATALOG.check(spec.resolver()), message);
  }

  @Test
  void namesABareSectionByTheKeyThatWasWritten() {
    final var spec = RunSpec.parse(SPEC, "x.yaml", List.of("resolver=smu"));

    assertMistake(
        () -> Methods.CATALOG.create(spec.resolver()),
        "--set resolver=smu: resolver: unknown resolver \"smu\"; did you mean \"sum\"?"
            + " Known: gcond, sum, cagrad");
  }

  @Test
  void locatesWhatAFactoryRefuses() {
    final var spec =
        RunSpec.parse(SPEC, "x.yaml", List.of("resolver.method=cagrad", "resolver.calpha=0.0"));

    assertMistake(
        () -> Methods.CATALOG.create(spec.resolver()),
        "--set resolver.calpha=0.0: resolver.calpha: 0 is the sum; use sum");
  }

  @Test
  void locatesWhatAServiceFindsWrongLater() {
    final var loss = RunSpec.parse(SPEC, "x.yaml", List.of()).tasks().get(1).loss();

    assertThat(loss.error("window", "7 exceeds the image"))
        .hasMessage("x.yaml:7: tasks.1.loss.window: 7 exceeds the image");
    assertThat(loss.error("type", "needs images"))
        .hasMessage("x.yaml:7: tasks.1.loss.type: needs images");
  }

  @Test
  void locatesOptionsThatCameFromNoSpec() {
    final var section = Section.of("gcond", Map.of("power", -1), "cases.json: case gcond-3");

    assertMistake(
        () -> Methods.CATALOG.create(section),
        "cases.json: case gcond-3: power: -1 is out of range; must be above 0");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          ``      | x.yaml:1: expected keys (run, seed, rounds, tasks,
          42      | x.yaml:1: expected keys (run, seed, rounds, tasks,
          a: b: c | x.yaml:1: not YAML: mapping values are not allowed here
          a: "b   | x.yaml:1: not YAML: found unexpected end of stream
          """)
  void refusesWhatIsNoDocumentOfKeys(String text, String start) {
    assertThatThrownBy(() -> RunSpec.parse(text, "x.yaml", List.of()))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith(start)
        .hasMessageNotContaining("\n");
  }

  @Test
  void refusesARunInWhichNothingCouldTrain() {
    assertMistake(
        () -> RunSpec.parse(SPEC, "x.yaml", List.of("tasks.l1.weight=0", "tasks.ssim.weight=0")),
        "--set tasks.l1.weight=0: tasks.0.weight: no task has a weight above 0, so nothing would"
            + " train");
    assertMistake(
        () -> RunSpec.parse(SPEC, "x.yaml", List.of("tasks=[]")),
        "--set tasks=[]: tasks: empty; a run needs at least one task");
  }

  static void assertMistake(ThrowingCallable reading, String message) {
    assertThatThrownBy(reading).isInstanceOf(UserError.class).hasMessage(message);
  }
}
