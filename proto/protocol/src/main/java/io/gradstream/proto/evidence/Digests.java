package io.gradstream.proto.evidence;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.MessageLite;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.ValuesRecord;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The SHA-256 digests that make a chain of a run's log.
 *
 * <pre>
 * run record ◀── gradient ◀── contributions ◀── verdict ◀── update ◀── weights
 *     ▲                                          │  ▲
 *     └──────────────────────────────────────────┘  └── next verdict
 * </pre>
 *
 * <p>An arrow means: contains the digest of. So a verdict's digest stands for everything that came
 * before it, and whoever noted the last one down can tell years later whether a log is still the
 * same. A record's own digest is over what kind of record it is, what it refers to, its header
 * without digest and signature, and its values, each preceded by its length.
 *
 * <p>A gradient's digest is taken where it is computed, by the worker. The arbitrator compares it
 * with the bytes before it counts the gradient, and an auditor compares once more.
 */
public final class Digests {
  /** Bytes of a digest. */
  public static final int BYTES = 32;

  /** What stands in a header until the values are there; has a digest's size. */
  public static final ByteString UNKNOWN = ByteString.copyFrom(new byte[BYTES]);

  /** A byte buffer cannot hold more than 2 GiB. */
  private static final long CHUNK = 64L << 20;

  private Digests() {}

  /** The digest of some bytes. */
  public static ByteString of(ByteString bytes) {
    final MessageDigest sha256 = sha256();
    sha256.update(bytes.asReadOnlyByteBuffer());
    return end(sha256);
  }

  /**
   * The digest of a gradient.
   *
   * @param run digest of the run's record
   * @param task name of the task whose topic the gradient is for
   * @param header its header, with or without digest and signature
   * @param values its values, as they travel
   */
  public static ByteString of(
      ByteString run, String task, GradientShard header, MemorySegment values) {
    final MessageDigest sha256 = begin("gradient");
    add(sha256, run);
    add(sha256, ByteString.copyFromUtf8(task));
    return of(sha256, header.toBuilder().clearDigest().clearSignature().build(), values);
  }

  /** The digest of an update, whose header names its verdict. */
  public static ByteString of(UpdateShard header, MemorySegment values) {
    return of(begin("update"), header.toBuilder().clearDigest().build(), values);
  }

  /** The digest of a shard's weights, whose header names their update. */
  public static ByteString of(WeightShard header, MemorySegment values) {
    return of(begin("weights"), header.toBuilder().clearDigest().build(), values);
  }

  /**
   * The digest of a seal over a partition's part of a weights version.
   *
   * @param run digest of the run's record
   */
  public static ByteString of(ByteString run, WeightSeal seal) {
    final MessageDigest sha256 = begin("seal");
    add(sha256, run);
    sha256.update(canonical(seal.toBuilder().clearDigest().clearSignature().build()));
    return end(sha256);
  }

  /**
   * The digest of validation losses.
   *
   * @param run digest of the run's record
   */
  public static ByteString of(ByteString run, Metric validation) {
    final MessageDigest sha256 = begin("validation");
    add(sha256, run);
    sha256.update(canonical(validation.toBuilder().clearDigest().clearSignature().build()));
    return end(sha256);
  }

  /** The digest of a vector's bytes, of any length. */
  public static ByteString of(MemorySegment values) {
    final MessageDigest sha256 = sha256();
    for (long done = 0; done < values.byteSize(); done += CHUNK) {
      final long length = Math.min(CHUNK, values.byteSize() - done);
      sha256.update(values.asSlice(done, length).asByteBuffer());
    }
    return end(sha256);
  }

  /** The digest of a verdict; the same for each partition's copy. */
  public static ByteString of(Verdict verdict) {
    final MessageDigest sha256 = begin("verdict");
    sha256.update(canonical(verdict));
    return end(sha256);
  }

  /** Writes an update's digest into its record, once the values are there. */
  public static void seal(byte[] record, UpdateShard header, MemorySegment values) {
    ValuesRecord.replaceHeader(record, header.toBuilder().setDigest(of(header, values)).build());
  }

  /** Writes the digest of weights into their record, once the values are there. */
  public static void seal(byte[] record, WeightShard header, MemorySegment values) {
    ValuesRecord.replaceHeader(record, header.toBuilder().setDigest(of(header, values)).build());
  }

  /** A message's bytes with maps in order of their keys: the same wherever they are written. */
  public static byte[] canonical(MessageLite message) {
    final byte[] bytes = new byte[message.getSerializedSize()];
    final CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    out.useDeterministicSerialization();
    try {
      message.writeTo(out);
      out.checkNoSpaceLeft();
    } catch (IOException e) {
      throw new IllegalStateException("an array of exact size has room", e);
    }
    return bytes;
  }

  /** A digest that is still to be fed. */
  public static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** A digest of one kind of thing, so that none can be taken for another. */
  static MessageDigest begin(String kind) {
    final MessageDigest sha256 = sha256();
    final byte[] name = ("gradstream " + kind).getBytes(StandardCharsets.UTF_8);
    sha256.update((byte) name.length);
    sha256.update(name);
    return sha256;
  }

  static void add(MessageDigest sha256, ByteString bytes) {
    sha256.update(ByteBuffer.allocate(Integer.BYTES).putInt(bytes.size()).flip());
    sha256.update(bytes.asReadOnlyByteBuffer());
  }

  static ByteString end(MessageDigest sha256) {
    return ByteString.copyFrom(sha256.digest());
  }

  private static ByteString of(MessageDigest sha256, MessageLite header, MemorySegment values) {
    add(sha256, header.toByteString());
    sha256.update(values.asByteBuffer());
    return end(sha256);
  }
}
