package io.gradstream.proto.streams;

import java.util.Map;
import org.apache.kafka.streams.state.StoreBuilder;

/** What Kafka Streams asks for a store with: its changelog is always there, its cache never. */
record InPlaceStoreBuilder(String name) implements StoreBuilder<InPlaceStore> {
  /**
   * Small segments and early cleaning, so that a restart reads little more than what counts; but
   * not so small that a large model's changelog keeps thousands of files open.
   */
  private static final Map<String, String> CHANGELOG =
      Map.of(
          "segment.bytes", Integer.toString(128 * 1024 * 1024),
          "min.cleanable.dirty.ratio", "0.2",
          "delete.retention.ms", "3600000");

  @Override
  public InPlaceStore build() {
    return new InPlaceStore(name);
  }

  @Override
  public Map<String, String> logConfig() {
    return CHANGELOG;
  }

  @Override
  public boolean loggingEnabled() {
    return true;
  }

  @Override
  public StoreBuilder<InPlaceStore> withCachingEnabled() {
    throw new UnsupportedOperationException("vectors in place need no cache");
  }

  @Override
  public StoreBuilder<InPlaceStore> withCachingDisabled() {
    return this;
  }

  @Override
  public StoreBuilder<InPlaceStore> withLoggingEnabled(Map<String, String> config) {
    throw new UnsupportedOperationException("the changelog's settings are the store's own");
  }

  @Override
  public StoreBuilder<InPlaceStore> withLoggingDisabled() {
    throw new UnsupportedOperationException("a store without changelog would lose gradients");
  }
}
