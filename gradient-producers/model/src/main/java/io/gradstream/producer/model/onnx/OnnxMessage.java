package io.gradstream.producer.model.onnx;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnknownFieldSet;
import java.util.List;

/**
 * A message of the ONNX format, read field by field: the few fields that matter here are known by
 * their numbers, and all others pass unchanged.
 */
record OnnxMessage(UnknownFieldSet fields) {
  /** Numbers of fields, by message, as ONNX's own description of its format gives them. */
  static final class Model {
    static final int GRAPH = 7;
    static final int METADATA = 14;
    static final int TRAINING = 20;
    static final int FUNCTIONS = 25;

    private Model() {}
  }

  /** Of a graph. */
  static final class Graph {
    static final int NODE = 1;
    static final int INITIALIZER = 5;
    static final int INPUT = 11;
    static final int OUTPUT = 12;
    static final int VALUE_INFO = 13;
    static final int SPARSE_INITIALIZER = 15;

    private Graph() {}
  }

  /** Of a node. */
  static final class Node {
    static final int INPUT = 1;
    static final int OUTPUT = 2;
    static final int OPERATOR = 4;
    static final int ATTRIBUTE = 5;
    static final int DOMAIN = 7;

    private Node() {}
  }

  /** Of an attribute. */
  static final class Attribute {
    static final int TENSOR = 5;
    static final int GRAPH = 6;
    static final int TENSORS = 10;
    static final int GRAPHS = 11;
    static final int SPARSE = 22;
    static final int SPARSES = 23;

    private Attribute() {}
  }

  /** Of a tensor. */
  static final class Tensor {
    static final int TYPE = 2;
    static final int NAME = 8;
    static final int RAW = 9;
    static final int EXTERNAL = 13;
    static final int LOCATION = 14;

    private Tensor() {}
  }

  /** The number of float32 among element types. */
  static final int FLOAT = 1;

  /** The number of int64 among element types. */
  static final int INT64 = 7;

  static OnnxMessage parse(ByteString bytes) throws InvalidProtocolBufferException {
    return new OnnxMessage(UnknownFieldSet.parseFrom(bytes));
  }

  List<ByteString> all(int field) {
    return fields.getField(field).getLengthDelimitedList();
  }

  /** The last value of a field, as the format has it; empty where there is none. */
  ByteString bytes(int field) {
    final List<ByteString> values = all(field);
    return values.isEmpty() ? ByteString.EMPTY : values.getLast();
  }

  String text(int field) {
    return bytes(field).toStringUtf8();
  }

  List<String> texts(int field) {
    return all(field).stream().map(ByteString::toStringUtf8).toList();
  }

  /** The last value of a number; 0 where there is none. */
  long number(int field) {
    final List<Long> values = fields.getField(field).getVarintList();
    return values.isEmpty() ? 0 : values.getLast();
  }

  boolean has(int field) {
    return fields.hasField(field);
  }

  /** The same message with other values in a field. */
  OnnxMessage with(int field, List<ByteString> values) {
    final var builder = UnknownFieldSet.Field.newBuilder();
    values.forEach(builder::addLengthDelimited);
    return new OnnxMessage(
        UnknownFieldSet.newBuilder(fields)
            .clearField(field)
            .mergeField(field, builder.build())
            .build());
  }

  /** The same message without a field. */
  OnnxMessage without(int field) {
    return new OnnxMessage(UnknownFieldSet.newBuilder(fields).clearField(field).build());
  }

  ByteString serialized() {
    return fields.toByteString();
  }
}
