package io.gradstream.proto.manifest;

import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.message.ManifestRecord;
import io.gradstream.proto.run.RoundKind;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/**
 * What the flat vector of a run means: its tensors in order, shared parameters first, then each
 * task's own, then buffers, how it is cut into shards, and which partition carries each shard.
 *
 * <p>The cut depends on the tensors and the largest shard alone, never on the partitions: inner
 * products are summed shard by shard, so the cut decides bits and the partitions must not. Small
 * neighbours of one owner share a shard; a tensor that is larger than a shard has shards of its
 * own. Where an optimizer needs whole tensors, all shards of a tensor go to one partition; else a
 * tensor that is larger than a partition's share is dealt out shard by shard. Each next piece goes
 * to the partition that has the fewest values so far.
 *
 * <p>Immutable.
 */
public final class Manifest {
  /** The largest shard, in values: as float32 with its header it fits a stock broker's record. */
  public static final int MAX_SHARD_VALUES = 240 * 1024;

  private final List<String> tasks;
  private final List<Tensor> tensors;
  private final List<Shard> shards;
  private final int partitions;
  private final long hash;

  private Manifest(List<String> tasks, List<Tensor> tensors, List<Shard> shards, int partitions) {
    this.tasks = List.copyOf(tasks);
    this.tensors = List.copyOf(tensors);
    this.shards = List.copyOf(shards);
    this.partitions = partitions;
    this.hash = hashOf(toRecord());
  }

  /** As the method below, with all shards of a tensor on one partition. */
  public static Manifest of(
      List<String> tasks, List<TensorShape> shapes, int shardValues, int partitions) {
    return of(tasks, shapes, shardValues, partitions, true);
  }

  /**
   * Lays tensors out, cuts and places them.
   *
   * @param tasks the run's task names, in order
   * @param shapes tensors in flat order: shared ones, then those of task 0, of task 1, ..., then
   *     buffers
   * @param shardValues the largest shard, 1 to {@link #MAX_SHARD_VALUES}
   * @param partitions at least 1; some stay empty when there are fewer tensors
   * @param whole whether all shards of a tensor must go to one partition
   * @throws IllegalArgumentException when names repeat, owners are out of order or unknown, or
   *     there is no tensor
   */
  public static Manifest of(
      List<String> tasks,
      List<TensorShape> shapes,
      int shardValues,
      int partitions,
      boolean whole) {
    if (shardValues < 1 || shardValues > MAX_SHARD_VALUES || partitions < 1) {
      throw new IllegalArgumentException(
          "shard values " + shardValues + ", partitions " + partitions);
    }
    if (shapes.stream().allMatch(TensorShape::buffer)) {
      throw new IllegalArgumentException("a model without parameters");
    }
    return new Manifest(
        tasks, layOut(tasks, shapes), cut(shapes, shardValues, partitions, whole), partitions);
  }

  private static List<Tensor> layOut(List<String> tasks, List<TensorShape> shapes) {
    final var names = new HashSet<String>();
    final var tensors = new ArrayList<Tensor>();
    long offset = 0;
    int owner = TensorShape.SHARED;
    boolean buffers = false;
    for (final TensorShape shape : shapes) {
      if (!names.add(shape.name())) {
        throw new IllegalArgumentException("two tensors are named " + shape.name());
      }
      buffers |= shape.buffer();
      if (buffers
          ? !shape.buffer() || shape.learnsFrom().getLast() >= tasks.size()
          : shape.owner() < owner || shape.owner() >= tasks.size()) {
        throw new IllegalArgumentException(
            shape
                + " is out of order: shared tensors come first, then each task's own, then buffers");
      }
      owner = shape.owner();
      tensors.add(new Tensor(tensors.size(), shape, offset));
      offset += shape.size();
    }
    return tensors;
  }

  private static List<Shard> cut(
      List<TensorShape> shapes, int shardValues, int partitions, boolean whole) {
    final long total = shapes.stream().mapToLong(TensorShape::size).sum();
    final long share = (total + partitions - 1) / partitions;
    final var placement = new Placement(partitions);
    final var shards = new ArrayList<Shard>();
    long offset = 0;
    int first = 0;
    while (first < shapes.size()) {
      final TensorShape begin = shapes.get(first);
      int last = first;
      long size = shapes.get(first).size();
      while (last + 1 < shapes.size()
          && shapes.get(last + 1).owner() == begin.owner()
          && shapes.get(last + 1).learnsFrom().equals(begin.learnsFrom())
          && size + shapes.get(last + 1).size() <= shardValues) {
        last++;
        size += shapes.get(last).size();
      }
      final boolean together = whole || size <= share;
      int partition = together ? placement.place(size) : -1;
      for (long done = 0; done < size; done += shardValues) {
        final int length = (int) Math.min(shardValues, size - done);
        if (!together) {
          partition = placement.place(length);
        }
        shards.add(
            new Shard(
                shards.size(),
                offset + done,
                length,
                begin.owner(),
                partition,
                first,
                last,
                begin.buffer()));
      }
      offset += size;
      first = last + 1;
    }
    return shards;
  }

  /**
   * Gives each piece to the partition that holds the fewest values so far; of several with equally
   * few, to the one with the lowest number.
   */
  private static final class Placement {
    private final long[] values;

    Placement(int partitions) {
      values = new long[partitions];
    }

    int place(long size) {
      int least = 0;
      for (int partition = 1; partition < values.length; partition++) {
        if (values[partition] < values[least]) {
          least = partition;
        }
      }
      values[least] += size;
      return least;
    }
  }

  /**
   * Reads what {@link #toRecord()} wrote.
   *
   * @throws IllegalArgumentException when the record describes no valid manifest
   */
  public static Manifest fromRecord(ManifestRecord record) {
    final var shapes = new ArrayList<TensorShape>();
    for (final var tensor : record.getTensorsList()) {
      final long[] shape = tensor.getShapeList().stream().mapToLong(Long::longValue).toArray();
      shapes.add(
          tensor.getBuffer()
              ? TensorShape.buffer(tensor.getName(), shape, tensor.getLearnsFromList())
              : new TensorShape(tensor.getName(), shape, tensor.getOwner()));
    }
    final List<Tensor> tensors = layOut(record.getTasksList(), shapes);
    final var shards = new ArrayList<Shard>();
    int tensor = 0;
    for (final var shard : record.getShardsList()) {
      while (tensors.get(tensor).offset() + tensors.get(tensor).size() <= shard.getOffset()) {
        tensor++;
      }
      int last = tensor;
      final long end = shard.getOffset() + shard.getLength();
      while (tensors.get(last).offset() + tensors.get(last).size() < end) {
        last++;
      }
      shards.add(
          new Shard(
              shards.size(),
              shard.getOffset(),
              shard.getLength(),
              shard.getOwner(),
              shard.getPartition(),
              tensor,
              last,
              tensors.get(tensor).buffer()));
    }
    return new Manifest(record.getTasksList(), tensors, shards, record.getPartitions());
  }

  public ManifestRecord toRecord() {
    final var record = ManifestRecord.newBuilder().addAllTasks(tasks).setPartitions(partitions);
    for (final Tensor tensor : tensors) {
      final var builder =
          record
              .addTensorsBuilder()
              .setName(tensor.name())
              .setOwner(tensor.owner())
              .setBuffer(tensor.buffer())
              .addAllLearnsFrom(tensor.shape().learnsFrom());
      for (final long dimension : tensor.shape().shape()) {
        builder.addShape(dimension);
      }
    }
    for (final Shard shard : shards) {
      record
          .addShardsBuilder()
          .setOffset(shard.offset())
          .setLength(shard.length())
          .setOwner(shard.owner())
          .setPartition(shard.partition());
    }
    return record.build();
  }

  private static long hashOf(ManifestRecord record) {
    return ByteBuffer.wrap(Digests.sha256().digest(record.toByteArray())).getLong();
  }

  /** Task names, in the order of the run spec. */
  public List<String> tasks() {
    return tasks;
  }

  public List<Tensor> tensors() {
    return tensors;
  }

  public List<Shard> shards() {
    return shards;
  }

  public Shard shard(int index) {
    return shards.get(index);
  }

  public int partitions() {
    return partitions;
  }

  /**
   * Whether a task's gradients have values in a shard; those of the sum are everywhere. Buffers are
   * touched by the tasks whose batches they learn from.
   */
  public boolean touches(int task, Shard shard) {
    return shard.shared()
        || (shard.buffer() ? learnersOf(shard).contains(task) : shard.owner() == task)
        || RoundKind.asking(task, tasks.size()) == RoundKind.SUM;
  }

  /** The tasks whose batches a shard's buffers learn from; none where it holds parameters. */
  public List<Integer> learnersOf(Shard shard) {
    return tensors.get(shard.firstTensor()).shape().learnsFrom();
  }

  /** The shards that travel on a partition, in shard order. */
  public List<Shard> shardsOf(int partition) {
    return shards.stream().filter(shard -> shard.partition() == partition).toList();
  }

  /** Whether the flat vector means the same as another one's, wherever its shards travel. */
  public boolean hasTensorsOf(Manifest other) {
    return tasks.equals(other.tasks)
        && toRecord().getTensorsList().equals(other.toRecord().getTensorsList());
  }

  /** Whether all shards of each tensor travel on one partition. */
  public boolean keepsTensorsTogether() {
    return shards.stream()
        .allMatch(
            shard ->
                shard.index() == 0
                    || shards.get(shard.index() - 1).firstTensor() != shard.firstTensor()
                    || shards.get(shard.index() - 1).partition() == shard.partition());
  }

  /** Number of values of the flat vector, buffers among them. */
  public long size() {
    final Tensor last = tensors.getLast();
    return last.offset() + last.size();
  }

  /** Number of values that gradients train: all but the buffers'. */
  public long parameters() {
    return tensors.stream().filter(tensor -> !tensor.buffer()).mapToLong(Tensor::size).sum();
  }

  /** The first eight bytes of the SHA-256 of {@link #toRecord()}; every record carries it. */
  public long hash() {
    return hash;
  }
}
