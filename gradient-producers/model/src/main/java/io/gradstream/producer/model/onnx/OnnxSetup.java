package io.gradstream.producer.model.onnx;

import io.gradstream.producer.model.TaskData;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;

/**
 * What all instances of an ONNX model in a process have in common.
 *
 * @param entry what the run's record says of the file
 * @param tensors the parameters in flat order
 * @param data all of which have the fields that the file takes
 */
record OnnxSetup(
    RunSpec spec, OnnxFile file, RunRecord.File entry, List<TensorShape> tensors, TaskData data) {}
