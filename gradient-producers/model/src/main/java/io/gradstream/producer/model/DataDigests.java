package io.gradstream.producer.model;

import com.google.protobuf.ByteString;
import java.util.List;

/**
 * SHA-256 of the samples that a run is trained and validated on.
 *
 * @param common of the run's data; empty where no task draws from them, or where it was not taken
 * @param ofTasks per task, of what it draws from; none where no task has data of its own
 */
public record DataDigests(ByteString common, List<ByteString> ofTasks) {
  /** Nothing was taken. */
  public static final DataDigests NONE = new DataDigests(ByteString.EMPTY, List.of());

  public DataDigests {
    ofTasks = List.copyOf(ofTasks);
  }
}
