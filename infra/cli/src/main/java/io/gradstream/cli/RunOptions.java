package io.gradstream.cli;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.ClusterAdmin;

/** Which existing run a command is about. */
final class RunOptions extends ClusterOptions {
  /** A run that was found; closing it ends what was started to reach it. */
  record Found(Run run, Reached reached) implements AutoCloseable {
    /** Whether no broker ran, so that one was started to read the run. */
    boolean isReachedAlone() {
      return reached.kafka() != null;
    }

    @Override
    public void close() {
      reached.close();
    }
  }

  /**
   * Finds the run at a broker that is there.
   *
   * @throws io.gradstream.proto.UserError if no broker answers, or it has no such run
   */
  Run find() {
    final Connection connection = connection();
    ClusterAdmin.open(connection).close();
    return Run.read(connection, name());
  }

  /**
   * Finds the run, if need be by starting the broker that {@code train} left.
   *
   * @throws io.gradstream.proto.UserError if there is no such run
   */
  Found open() {
    final Reached reached = reach();
    try {
      return new Found(Run.read(reached.connection(), name()), reached);
    } catch (RuntimeException e) {
      reached.close();
      throw e;
    }
  }
}
