package io.gradstream.proto.streams;

import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.log.LogReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Adds numbers up in two vectors of an {@link InPlaceStore}, as the services do it: vectors change
 * in several steps with records sent in between, and the bookkeeping says how far the input was
 * read.
 */
final class Sums implements Processor<byte[], byte[], byte[], byte[]> {
  static final String STORE = "sums";

  /**
   * A record: adds a number to both values of a vector.
   *
   * @param vector 0 or 1
   * @param commit whether a commit is asked for afterwards
   */
  record Add(int vector, int number, boolean commit) {
    byte[] bytes() {
      return new byte[] {(byte) vector, (byte) number, (byte) (commit ? 1 : 0)};
    }
  }

  /**
   * What the sums are after a record.
   *
   * @param values both values of both vectors
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record After(long records, float[] values) {
    static After of(byte[] bytes) {
      final ByteBuffer fields = ByteBuffer.wrap(bytes);
      final long records = fields.getLong();
      final float[] values = new float[4];
      for (int i = 0; i < values.length; i++) {
        values[i] = fields.getFloat();
      }
      return new After(records, values);
    }

    byte[] bytes() {
      final ByteBuffer fields = ByteBuffer.allocate(Long.BYTES + values.length * Float.BYTES);
      fields.putLong(records);
      for (final float value : values) {
        fields.putFloat(value);
      }
      return fields.array();
    }

    @Override
    public String toString() {
      return records + " records, " + Arrays.toString(values);
    }
  }

  private final LogReader log;
  private final AtomicInteger flushes;
  private ProcessorContext<byte[], byte[]> context;
  private InPlaceStore store;
  private long position;

  /**
   * @param flushes counts how often the bookkeeping was asked for
   */
  @SuppressWarnings("NullAway.Init") // Kafka Streams calls init before anything else
  Sums(LogReader log, AtomicInteger flushes) {
    this.log = log;
    this.flushes = flushes;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> processorContext) {
    context = processorContext;
    store = context.getStateStore(STORE);
    position =
        store
            .recover(log, this::metadata)
            .map(bytes -> ByteBuffer.wrap(bytes).getLong())
            .orElse(0L);
    context.schedule(
        Duration.ofMillis(20),
        PunctuationType.WALL_CLOCK_TIME,
        now ->
            store.change(
                () -> {
                  // As a service that looks whether there is something to do, and there is nothing.
                }));
  }

  private byte[] metadata() {
    flushes.incrementAndGet();
    return ByteBuffer.allocate(Long.BYTES).putLong(position).array();
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    store.change(() -> take(record.value()));
  }

  private void take(byte[] value) {
    final long offset =
        context.recordMetadata().orElseThrow(() -> new IllegalStateException("no source")).offset();
    if (offset < position) {
      return;
    }
    final var id = new VectorId(0, value[0]);
    add(id, 0, value[1]);
    send(offset);
    add(id, 1, value[1]);
    position = offset + 1;
    send(position);
    if (value[2] == 1) {
      context.commit();
    }
  }

  private void add(VectorId id, int index, int number) {
    final MemorySegment vector = store.vector(id, 2);
    final float before = vector.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    vector.setAtIndex(ValueLayout.JAVA_FLOAT, index, before + number);
    store.changed(id);
  }

  private void send(long records) {
    final float[] values = new float[4];
    for (int i = 0; i < values.length; i++) {
      values[i] = store.vector(new VectorId(0, i / 2), 2).getAtIndex(ValueLayout.JAVA_FLOAT, i % 2);
    }
    final byte[] after = new After(records, values).bytes();
    context.forward(new Record<>(null, after, context.currentSystemTimeMs()));
  }

  @Override
  public void close() {
    log.close();
  }
}
