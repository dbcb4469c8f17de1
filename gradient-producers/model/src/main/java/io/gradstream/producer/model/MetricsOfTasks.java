package io.gradstream.producer.model;

import io.gradstream.proto.spec.RunSpec;

/**
 * On whose held-out data a model's metrics are taken, where tasks have data of their own: a metric
 * that is called like a task or its output, on that task's; any other on the first task's.
 */
public final class MetricsOfTasks {
  private MetricsOfTasks() {}

  /** The task on whose data a metric is taken. */
  public static int task(RunSpec spec, String metric) {
    for (int task = 0; task < spec.tasks().size(); task++) {
      if (metric.equals(spec.tasks().get(task).name())
          || metric.equals(spec.tasks().get(task).outputName())) {
        return task;
      }
    }
    return 0;
  }
}
