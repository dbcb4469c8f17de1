package io.gradstream.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-C or a termination signal, turned into something a command can ask for and wait for.
 *
 * <p>The JVM's shutdown hook raises the signal and then waits until the command has closed all that
 * it opened. So a command opens this first, which closes it last. Used by one command thread.
 */
final class StopSignal implements AutoCloseable {
  /** How long a command may take to close; after that the process ends anyway. */
  private static final Duration CLOSING = Duration.ofSeconds(60);

  private final CountDownLatch raised = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);

  StopSignal() {
    Runtime.getRuntime().addShutdownHook(new Thread(this::raise, "stop-signal"));
  }

  boolean isRaised() {
    return raised.getCount() == 0;
  }

  /** Waits until the signal is raised. */
  void await() {
    try {
      raised.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits until the signal is raised, or for a while; true if it is raised. */
  boolean await(Duration duration) {
    try {
      return raised.await(duration.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
  }

  @Override
  public void close() {
    closed.countDown();
  }

  private void raise() {
    if (closed.getCount() == 0) {
      return;
    }
    raised.countDown();
    try {
      if (!closed.await(CLOSING.toSeconds(), TimeUnit.SECONDS)) {
        System.err.println("gradstream: did not end within " + CLOSING.toSeconds() + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
