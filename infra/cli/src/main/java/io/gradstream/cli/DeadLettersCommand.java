package io.gradstream.cli;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.run.Run;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.apache.kafka.common.TopicPartition;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream dead-letters}. */
@Command(
    name = "dead-letters",
    description = "Lists the records that a run refused, the newest last: where they lie and why.",
    mixinStandardHelpOptions = true)
final class DeadLettersCommand implements Callable<Integer> {
  @Mixin private RunOptions options;

  @Option(
      names = "--last",
      paramLabel = "N",
      description = "How many at most; default: ${DEFAULT-VALUE}.",
      defaultValue = "100")
  private int last;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final PrintWriter out = spec.commandLine().getOut();
    try (var found = options.open()) {
      final Run run = found.run();
      final var partition = new TopicPartition(run.topics().deadLetters(), 0);
      try (var log = new LogReader(run.connection(), run.spec().run() + ".dead-letters")) {
        final long end = log.end(partition);
        log.read(
            partition, Math.max(0, end - last), end, record -> out.println(describe(run, record)));
        out.printf("run %s refused %d records%n", run.spec().run(), end);
      }
      out.flush();
    }
    return 0;
  }

  private static String describe(Run run, LogRecord record) {
    final DeadLetter letter;
    try {
      letter = DeadLetter.parseFrom(record.bytes());
    } catch (InvalidProtocolBufferException e) {
      return "offset " + record.offset() + " of the topic holds no dead letter";
    }
    final String prefix = run.spec().run() + ".";
    if (!letter.getTopic().startsWith(prefix)) {
      return "offset " + record.offset() + " of the topic holds no dead letter of this run";
    }
    final String topic = letter.getTopic().substring(prefix.length());
    final String said =
        letter.getRound() < 0
            ? ""
            : " (round %d, slot %d, shard %d, from %s)"
                .formatted(
                    letter.getRound(),
                    letter.getSlot(),
                    letter.getShard(),
                    letter.getWorker().isEmpty() ? "nobody" : Printable.of(letter.getWorker()));
    return "%tF %<tT  %s-%d at %d: %s%s; %,d bytes"
        .formatted(
            record.timestamp(),
            topic,
            letter.getPartition(),
            letter.getOffset(),
            Printable.of(letter.getReason()),
            said,
            letter.getRecord().size());
  }
}
