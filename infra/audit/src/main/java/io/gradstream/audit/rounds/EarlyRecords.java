package io.gradstream.audit.rounds;

import io.gradstream.proto.log.LogRecord;
import java.util.ArrayList;
import java.util.List;

/**
 * Updates of later rounds whose verdict is not known, which are met while a round is looked for:
 * behind a place where the chain of verdicts is broken they are what comes next, and else somebody
 * made them up. It is the round that is looked for that tells: nothing can lie in front of it.
 *
 * <p>Of a flood of them the first are named, and the others counted.
 */
final class EarlyRecords {
  private static final int NAMED = 100;

  private final UpdateFindings words;
  private final List<Finding> first = new ArrayList<>();
  private long count;

  EarlyRecords(UpdateFindings words) {
    this.words = words;
  }

  /** Notes one that lies before the updates of the round that is looked for. */
  void add(LogRecord record, UpdateStatement said, long wanted) {
    if (++count <= NAMED) {
      first.add(words.ahead(record, said.number(), said.shard(), wanted));
    }
  }

  boolean isEmpty() {
    return count == 0;
  }

  /** Says that nobody can have written them where they are. */
  void report(FindingListener findings) {
    first.forEach(findings::add);
    if (count > NAMED) {
      final Finding last = first.getLast();
      findings.add(
          Finding.of(
              last.kind(),
              last.round(),
              last.where(),
              Finding.NOWHERE,
              "%d more records lie before what they would have to follow from"
                  .formatted(count - NAMED)));
    }
  }
}
