package io.gradstream.producer.model.process;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.producer.data.ImageSet;
import io.gradstream.producer.model.SampleFields;
import io.gradstream.producer.model.TaskData;

/** A file that a child maps, with a batch of one source of the data. */
record MappedSamples(SampleFields fields, MappedFile file, int source) {
  /** Makes one that is large enough for the batches of all tasks of the source. */
  static MappedSamples create(SharedMemory memory, String name, TaskData data, int source) {
    final TaskData.Source of = data.sources().get(source);
    final var fields = new SampleFields(of.data().training(), data.largestBatch(of));
    return new MappedSamples(fields, memory.create(name, fields.bytes()), source);
  }

  /** Says where it lies and what is in it. */
  void describe(ObjectNode into) {
    into.put("samples", file.path().toString());
    fields.describe(into.putArray("fields"));
  }

  /** Makes a micro-batch of the task with the largest batches the batch. */
  void writeTraining(TaskData data, long microBatch) {
    final TaskData.Source of = data.sources().get(source);
    int largest = of.tasks().getFirst();
    for (final int task : of.tasks()) {
      largest = data.batchSize(task) > data.batchSize(largest) ? task : largest;
    }
    write(of.data().training(), data.samples(largest, microBatch));
  }

  void write(ImageSet from, int[] which) {
    fields.write(from, which, file.memory());
  }

  void removeName() {
    file.removeName();
  }
}
