package io.gradstream.chaos;

import java.util.Locale;

/**
 * Something that is done to a run.
 *
 * @param kind what is done
 * @param role to whom; without meaning where records are sent
 * @param pauseMs how long to wait before it
 * @param record which bad record, for {@link Kind#BAD_RECORD}
 * @param draw a number at random, for what a kind leaves open: which topic, which direction
 */
record Fault(Kind kind, Role role, long pauseMs, BadRecord record, int draw) {
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
    BAD_RECORD,
    /** Records of every kind that no service sends, on every topic ({@link HostileRecords}). */
    HOSTILE_RECORDS,
    /** Brokers refuse what the role writes, on one of its topics, until its sends have failed. */
    REFUSE_SENDS,
    /** The role's network link is cut for longer than a send may take, then mended. */
    LINK_DOWN,
    /** The role's wall clock is set an hour back or forth, and right again later. */
    CLOCK_STEP,
    /** A broker is killed and loses what it had not flushed; its replicas have it. */
    LOSE_TAIL;

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
      case DUPLICATE, HOSTILE_RECORDS -> kind.label();
      case BAD_RECORD -> kind.label() + "-" + record.label();
      case KILL, PAUSE, TERMINATE, JOIN_OR_LEAVE, REFUSE_SENDS, LINK_DOWN, CLOCK_STEP, LOSE_TAIL ->
          kind.label() + "-" + role.label();
    };
  }
}
