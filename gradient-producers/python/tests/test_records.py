"""What a worker of its own reads and writes has the bytes of the protocol's vectors."""

import base64
import dataclasses
import struct
from typing import Any, Callable, Dict

import numpy as np
import pytest

from gradstream import _wire
from gradstream._records import (
    BFLOAT16,
    FLOAT32,
    Order,
    Result,
    Weights,
    expected_order,
    fingerprint_weights,
    gradient_record,
    is_signed,
    shards_of,
    to_bfloat16,
)
from gradstream._run import Run, Shard, TaskBatches, _tensor, parse_spec, read_run, shards_of_manifest

VALUES = np.array([0.5, -1.25, 3.0e-3, 1.0e20, -0.0, 7.0, 1 / 3, -2.0e-30], np.float32)
SPEC = """run: vectors
seed: -3
rounds: 2
tasks:
  - {name: l1, loss: masked-l1, weight: 1.0}
  - {name: ssim, loss: given, weight: 0.5, output: "a \\"b\\""}
accumulation: {mode: stochastic, micro-batches: 4, batch-size: 16}
model: {type: process, command: [python3, two_digits.py]}
data: {type: overlay, directory: shipped:digits, held-out: 1000}
selection: none
keys: []
clip-norm: null
"""


def test_canonical_specs_are_read() -> None:
    spec = parse_spec(SPEC)
    assert spec["seed"] == -3 and spec["selection"] == "none" and spec["keys"] == [] and spec["clip-norm"] is None
    assert spec["tasks"][1] == {"name": "ssim", "loss": "given", "weight": 0.5, "output": 'a "b"'}
    assert spec["data"]["directory"] == "shipped:digits"
    assert spec["model"]["command"] == ["python3", "two_digits.py"]


@pytest.fixture
def records(vectors: Callable[[str], Any]) -> Dict[str, Any]:
    return {vector["name"]: vector for vector in vectors("records.json")}


@pytest.fixture
def run(records: Dict[str, Any]) -> Run:
    record = bytes.fromhex(records["run"]["record"])
    manifest = _wire.octets(_wire.read(record), 2)
    parts = _wire.read(manifest)
    return Run(
        name="vectors", digest=_wire.sha256(record), spec=parse_spec(SPEC), tasks=["l1", "ssim"],
        tensors=[_tensor(part) for part in parts[2]],
        shards=shards_of_manifest([_tensor(part) for part in parts[2]], parts[3]),
        partitions=_wire.integer(parts, 4), manifest=int.from_bytes(_wire.sha256(manifest)[:8], "big"),
        first_round=0, files=[], data=b"", task_data=[], framework=None,
    )  # fmt: skip


def test_manifest_is_read(run: Run, vectors: Callable[[str], Any]) -> None:
    vector = vectors("manifest.json")
    assert "%016x" % run.manifest == vector["hash"]
    assert run.tensors == [(t["name"], tuple(t["shape"]), t["owner"], ()) for t in vector["tensors"]]
    assert run.shards == [Shard(index=i, **shard) for i, shard in enumerate(vector["shards"])]


def test_buffers_are_read_and_travel_as_float32(run: Run, vectors: Callable[[str], Any]) -> None:
    vector = vectors("buffers.json")
    parts = _wire.read(bytes.fromhex(vector["record"]))
    tensors = [_tensor(part) for part in parts[2]]
    assert tensors == [(t["name"], tuple(t["shape"]), t["owner"], tuple(t["learns_from"])) for t in vector["tensors"]]
    shards = shards_of_manifest(tensors, parts[3])
    expected = [{**shard, "learns_from": tuple(shard["learns_from"])} for shard in vector["shards"]]
    assert shards == [Shard(index=i, **shard) for i, shard in enumerate(expected)]
    buffers = dataclasses.replace(run, tensors=tensors, shards=shards)
    assert buffers.parameters == 15 and buffers.size == 22
    assert [shard.index for shard in shards_of(buffers, 0)] == [0, 1, 3]
    assert [shard.index for shard in shards_of(buffers, 1)] == [0, 2, 3, 4]
    assert [shard.index for shard in shards_of(buffers, 2)] == [0, 1, 2, 3, 4]
    order, result = Order(1, 0, 1, 7, 0, 1, 16, 0), Result("alice/0", 0.75, [], 1, 0, "cpu")
    for shard in shards_of(buffers, 0):
        record = gradient_record(buffers, order, result, shard, BFLOAT16, np.zeros(22, np.float32), None)
        assert _wire.integer(_wire.read(record), 8) == (FLOAT32 if shard.learns_from else BFLOAT16)
    weights = fingerprint_weights(22, 15)
    assert (abs(weights[:15]) <= 0.1).all() and (abs(weights[15:] - 1) <= 0.11).all()


def test_run_of_another_arithmetic_is_refused(records: Dict[str, Any]) -> None:
    from gradstream import ScriptError

    with pytest.raises(ScriptError, match="arithmetic 1"):
        read_run("vectors", bytes.fromhex(records["run"]["record"]))
    assert read_run("vectors", b"\xff\xff") is None


def test_orders_are_read_and_checked(run: Run, records: Dict[str, Any]) -> None:
    order = Order.read(bytes.fromhex(records["order"]["record"]))
    assert order == Order(1, 1, 1, 7, 0x0123456789ABCDEF, 1, 16, 0)
    assert expected_order(run, order)
    for wrong in ({"micro_batch": 6}, {"round": 2}, {"slot": 2}, {"batch_size": 8}, {"weights_version": 0}, {"kind": 1}):
        assert not expected_order(run, dataclasses.replace(order, **wrong))


def test_unequal_tasks_read_the_same_batches(vectors: Callable[[str], Any]) -> None:
    for vector in vectors("unequal.json"):
        tasks = [
            {"name": f"t{task}", "micro-batches": slots, "batch-size": size, "data": data}
            for task, (slots, size, data) in enumerate(zip(vector["slots"], vector["sizes"], vector["data"]))
        ]
        accumulation = {"mode": vector["mode"], "micro-batches": 4, "batch-size": 16}
        batches = TaskBatches({"tasks": tasks, "accumulation": accumulation, "data": "none"})
        for batch in vector["batches"]:
            number = batches.micro_batch(batch["round"], batch["task"], batch["slot"])
            assert number == batch["micro_batch"]
            assert batches.first_sample(batch["task"], number) == batch["first"]
            assert batches.size(batch["task"]) == vector["sizes"][batch["task"]]
        assert not batches.are_alike()


class Rfc8032:
    """The key of RFC 8032, 7.1, test 1."""

    name = "alice"

    def sign(self, digest: bytes) -> bytes:
        ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519", reason="pip install cryptography")
        secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
        signature: bytes = ed25519.Ed25519PrivateKey.from_private_bytes(secret).sign(digest)
        return signature


@pytest.mark.parametrize("name,task,type_,signer,batch", [
    ("gradient of l1", 0, FLOAT32, None, b""), ("signed gradient of ssim", 1, BFLOAT16, Rfc8032(), b""),
    ("gradient of known samples", 0, FLOAT32, None, bytes(range(32))),
])  # fmt: skip
def test_gradients_have_the_same_bytes(
    run: Run, records: Dict[str, Any], name: str, task: int, type_: int, signer: Any, batch: bytes
) -> None:
    order = Order(1, task, 1, 6 + task, 0x0123456789ABCDEF, 1, 16, 0)
    result = Result("alice/0", 0.75, [], 1234, 0, "cpu", batch)
    record = gradient_record(run, order, result, Shard(0, 0, 8, -1, 0), type_, VALUES, signer)
    assert record.hex() == records[name]["record"]
    if signer:
        public = bytes.fromhex("302a300506032b6570032100" + records[name]["public_key"])
        digest = bytes.fromhex(records[name]["digest"])
        signature = _wire.octets(_wire.read(record), 14)
        assert is_signed(base64.b64encode(public).decode(), digest, signature)
        assert not is_signed(base64.b64encode(public).decode(), digest[::-1], signature)


def test_bfloat16_rounds_to_even(vectors: Callable[[str], Any]) -> None:
    for vector in vectors("bfloat16.json"):
        value = np.array([int(vector["float32"], 16)], np.uint32).view(np.float32)
        assert "%04x" % to_bfloat16(value)[0] == vector["bfloat16"]


def weight_record(run: Run, version: int, shard: Shard, value: float) -> bytes:
    data = struct.pack("<f", value) * shard.length

    def header(digest: bytes = b"") -> bytes:
        return (
            _wire.number(1, version) + _wire.number(2, shard.index) + _wire.fixed64(4, run.manifest)
            + _wire.number(8, FLOAT32) + _wire.chunk(9, b"u" * 32) + _wire.chunk(13, digest)
        )  # fmt: skip

    digest = _wire.sha256(_wire.kind("weights"), _wire.sized(header()), data)
    return header(digest) + _wire.chunk(15, data)


def seal(run: Run, version: int, partition: int, shards: Dict[int, bytes]) -> bytes:
    def body(digest: bytes = b"") -> bytes:
        sealed = b"".join(
            _wire.chunk(6, _wire.number(1, i) + _wire.chunk(2, b"u" * 32) + _wire.chunk(3, _wire.octets(_wire.read(record), 13)))
            for i, record in shards.items()
        )
        return (
            _wire.number(1, version) + _wire.number(2, partition) + _wire.fixed64(4, run.manifest)
            + _wire.chunk(5, b"v" * 32) + sealed + _wire.chunk(13, digest)
        )  # fmt: skip

    return body(_wire.sha256(_wire.kind("seal"), _wire.sized(run.digest), body()))


def test_a_version_is_whole_with_the_seals_of_all_partitions(run: Run) -> None:
    weights = Weights(run)
    records = {shard.index: weight_record(run, 1, shard, 2.0) for shard in run.shards}
    partitions = sorted({shard.partition for shard in run.shards})
    for shard in run.shards:
        # A forged record of the same version is passed over: no seal names it.
        assert not weights.add(b"\0\0\0\0", weight_record(run, 1, shard, 666.0), shard.partition)
        assert not weights.add(b"\0\0\0\0", records[shard.index], shard.partition)
    for partition in partitions:
        own = {shard.index: records[shard.index] for shard in run.shards if shard.partition == partition}
        whole = weights.add(b"seal", seal(run, 1, partition, own), partition)
        assert whole == (partition == partitions[-1])
    assert weights.version == 1 and set(weights.values) == {2.0}


def test_a_record_with_other_values_than_its_digest_is_no_part_of_a_version(run: Run) -> None:
    weights = Weights(run)
    for shard in run.shards:
        record = bytearray(weight_record(run, 1, shard, 2.0))
        record[-1] ^= 1
        weights.add(b"\0\0\0\0", bytes(record), shard.partition)
    assert weights._shards == {}
    weights.add(b"seal", b"no message", 0)
    weights.add(b"seal", None, 0)
    assert weights.version == -1
