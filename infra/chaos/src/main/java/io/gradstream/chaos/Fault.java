package io.gradstream.chaos;

import java.util.Locale;

/**
 * Something that is done to a run.
 *
 * @param kind what is done
 * @param role to whom; without meaning where records are sent
 * @param pauseMs how long to wait before it
 * @param record which bad record, for {@link Kind#BAD_RECORD}
 */
record Fault(Kind kind, Role role, long pauseMs, BadRecord record) {
  /** What is done. */
  enum Kind {
    /** kill -9, and started again at once. */
    KILL,
    /** SIGSTOP for longer than an order's lock, then SIGCONT. */
    PAUSE,
    /** SIGTERM, and started again. */
    TERMINATE,
    /** A second instance joins, or the one that joined leaves. */
    JOIN_OR_LEAVE,
    /** A gradient that was sent before is sent once more. */
    DUPLICATE,
    /** A record is sent that has to be refused. */
    BAD_RECORD;

    String label() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** A process of a run. */
  enum Role {
    ARBITRATOR,
    SERVER,
    WORKER,
    BROKER;

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** How it is counted, such as {@code kill-arbitrator}. */
  String label() {
    return switch (kind) {
      case DUPLICATE -> kind.label();
      case BAD_RECORD -> kind.label() + "-" + record.label();
      case KILL, PAUSE, TERMINATE, JOIN_OR_LEAVE -> kind.label() + "-" + role.label();
    };
  }
}
