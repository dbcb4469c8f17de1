"""Several ONNX graphs with common inputs as one model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping

import numpy as np
import numpy.typing as npt

from ._errors import ScriptError

METADATA = "gradstream"
"""The metadata entry that describes the file."""


@dataclass
class Part:
    """One graph.

    :param model: what torch exported
    :param inputs: what its inputs are called in the whole model, in their order
    :param outputs: what its outputs are called there
    """

    name: str
    model: Any
    inputs: List[str]
    outputs: List[str]


def merge(parts: List[Part], initial: Mapping[str, npt.NDArray[np.float32]], description: str) -> Any:
    """One model with the outputs of all parts. Inputs of one name are one input; equal constants are kept once."""
    import onnx
    import onnx.checker
    import onnx.inliner
    import onnx.numpy_helper

    whole = onnx.ModelProto()
    graph = whole.graph
    graph.name = METADATA
    inputs: Dict[str, Any] = {}
    constants: Dict[bytes, str] = {}
    for part in parts:
        model = onnx.inliner.inline_local_functions(part.model)
        if not whole.opset_import:
            whole.ir_version = model.ir_version
            whole.producer_name = METADATA
            whole.opset_import.extend(one for one in model.opset_import if one.domain in ("", "ai.onnx"))
        for one in model.graph.node:
            if one.domain not in ("", "ai.onnx"):
                raise ScriptError(f"{part.name}: operator {one.domain}.{one.op_type} is none of ONNX's own")
        if len(model.graph.input) != len(part.inputs) or len(model.graph.output) != len(part.outputs):
            raise ScriptError(f"{part.name}: torch exported other inputs or outputs than it was asked for")
        _add(part, model.graph, graph, inputs, constants)
    used = {name for node in graph.node for name in _reads(node)}
    graph.input.extend(value for name, value in inputs.items() if name in used or name.startswith("parameter/"))
    for name, value in initial.items():
        graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    entry = whole.metadata_props.add()
    entry.key, entry.value = METADATA, description
    onnx.checker.check_model(whole, full_check=False)
    return whole


def _add(part: Part, of: Any, graph: Any, inputs: Dict[str, Any], constants: Dict[bytes, str]) -> None:
    names: Dict[str, str] = {"": ""}
    for value, name in zip(of.input, part.inputs):
        names[value.name] = name
        if name not in inputs:
            inputs[name] = _named(value, name)
    for value in of.initializer:
        content = hashlib.sha256(repr((value.data_type, list(value.dims))).encode() + _bytes(value)).digest()
        if content not in constants:
            constants[content] = f"constant/{len(constants)}"
            copy = graph.initializer.add()
            copy.CopyFrom(value)
            copy.name = constants[content]
            copy.ClearField("doc_string")
            del copy.metadata_props[:]
        names[value.name] = constants[content]
    produced = {name for node in of.node for name in node.output if name}
    renamed_outputs = []
    for value, name in zip(of.output, part.outputs):
        if value.name in produced and value.name not in names:
            names[value.name] = name
        else:
            renamed_outputs.append((value.name, name))  # an input, a constant, or an output twice
        graph.output.append(_named(value, name))
    for node in of.node:
        graph.node.append(_renamed(node, names, part.name))
    for source, name in renamed_outputs:
        identity = graph.node.add()
        identity.op_type = "Identity"
        identity.name = name
        identity.input.append(names.get(source) or f"{part.name}/{source}")
        identity.output.append(name)


def _named(value: Any, name: str) -> Any:
    import onnx
    import onnx.checker
    import onnx.inliner
    import onnx.numpy_helper

    copy = onnx.ValueInfoProto()
    copy.name = name
    copy.type.CopyFrom(value.type)
    for dimension in copy.type.tensor_type.shape.dim:
        if dimension.dim_param:
            dimension.dim_param = "batch"
    return copy


def _renamed(node: Any, names: Mapping[str, str], prefix: str) -> Any:
    import onnx
    import onnx.checker
    import onnx.inliner
    import onnx.numpy_helper

    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    _rename(copy, names, prefix)
    return copy


def _rename(node: Any, names: Mapping[str, str], prefix: str) -> None:
    def new(name: str) -> str:
        return names[name] if name in names else f"{prefix}/{name}"

    node.name = f"{prefix}/{node.name}"
    node.ClearField("doc_string")
    del node.metadata_props[:]
    node.input[:] = [new(name) for name in node.input]
    node.output[:] = [new(name) for name in node.output]
    for attribute in node.attribute:
        if attribute.HasField("g") or attribute.graphs:
            raise ScriptError(f"{prefix}: operator {node.op_type} has graphs of its own; control flow cannot be exported")


def _reads(node: Any) -> List[str]:
    return list(node.input)


def _bytes(value: Any) -> bytes:
    import onnx
    import onnx.checker
    import onnx.inliner
    import onnx.numpy_helper

    return bytes(onnx.numpy_helper.to_array(value).tobytes())
