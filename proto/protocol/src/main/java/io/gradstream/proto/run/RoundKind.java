package io.gradstream.proto.run;

import io.gradstream.proto.message.GradientKind;
import java.util.stream.IntStream;

/**
 * Which gradient a round asks of each slot. Topics, orders and statistics number the tasks from 0;
 * the sum of all losses, which rounds of the other kind ask for, has the number after the last
 * task.
 */
public enum RoundKind {
  /** A gradient of each task. */
  EACH_TASK,
  /** One gradient, that of the weighted sum of all losses. */
  SUM;

  /** The kind that asks for a number. */
  public static RoundKind asking(int task, int tasks) {
    return task == tasks ? SUM : EACH_TASK;
  }

  /** The number under which orders and gradients of the sum travel. */
  public static int sum(int tasks) {
    return tasks;
  }

  /** Reads the flag of a verdict. */
  public static RoundKind of(boolean scalarized) {
    return scalarized ? SUM : EACH_TASK;
  }

  /** The numbers that such a round asks for, in order. */
  public IntStream asked(int tasks) {
    return this == SUM ? IntStream.of(tasks) : IntStream.range(0, tasks);
  }

  /** Whether such a round asks for a number. */
  public boolean asks(int task, int tasks) {
    return this == SUM ? task == tasks : task >= 0 && task < tasks;
  }

  /** What the round's gradients are taken of. */
  public GradientKind gradients() {
    return this == SUM ? GradientKind.SUM : GradientKind.TASK;
  }
}
