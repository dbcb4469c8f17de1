package io.gradstream.arbitrator.topology;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.Run;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads the records of topic {@code verdicts}. */
final class VerdictParser {
  private VerdictParser() {}

  /**
   * @throws MalformedRecordException with the reason why it is no verdict of the run
   */
  static Verdict parse(byte @Nullable [] value, Run run) throws MalformedRecordException {
    final Verdict verdict;
    try {
      verdict = Verdict.parseFrom(value == null ? new byte[0] : value);
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedRecordException("not a verdict");
    }
    if (verdict.getManifest() != run.manifest().hash()) {
      throw new MalformedRecordException("a verdict of another manifest");
    }
    return verdict;
  }

  /** Parses a record; empty if it is no verdict of the run. */
  static Optional<Verdict> parseIfValid(byte @Nullable [] value, Run run) {
    try {
      return Optional.of(parse(value, run));
    } catch (MalformedRecordException e) {
      return Optional.empty();
    }
  }
}
