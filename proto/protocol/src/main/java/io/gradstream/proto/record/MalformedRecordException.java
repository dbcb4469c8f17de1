package io.gradstream.proto.record;

/** A record that cannot be what its topic holds. The message is the reason for its dead letter. */
public class MalformedRecordException extends Exception {
  private static final long serialVersionUID = 1L;

  public MalformedRecordException(String message) {
    super(message);
  }
}
