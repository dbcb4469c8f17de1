"""The records that a worker reads and writes, with their digests and signatures."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from . import _wire
from ._errors import ScriptError
from ._run import Run, Shard

Array = npt.NDArray[np.float32]

FLOAT32 = 1
BFLOAT16 = 2


def to_bfloat16(values: Array) -> npt.NDArray[np.uint16]:
    """Rounds to the nearest, ties to even, as all senders do."""
    bits = values.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> np.uint64(16)) & np.uint64(1))) >> np.uint64(16)).astype(np.uint16)


def from_bytes(data: memoryview, type_: int) -> Array:
    """Values as they travel, as float32."""
    if type_ == FLOAT32:
        return np.frombuffer(data, "<f4")
    return (np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)


def to_bytes(values: Array, type_: int) -> bytes:
    return values.astype("<f4").tobytes() if type_ == FLOAT32 else to_bfloat16(values).astype("<u2").tobytes()


@dataclass(frozen=True)
class Order:
    """What one slot asks for."""

    round: int
    task: int
    slot: int
    micro_batch: int
    nonce: int
    weights_version: int
    batch_size: int
    kind: int

    @staticmethod
    def read(record: bytes) -> Order:
        """:raises ValueError: if it is none"""
        message = _wire.read(record)
        fields = (_wire.integer(message, field) for field in (1, 2, 3, 4, 6, 7, 9, 10))
        return Order(*fields)


def expected_order(run: Run, order: Order) -> bool:
    """Whether the run's server can have given an order: all follows from round, task and slot."""
    batches, tasks = run.batches, len(run.tasks)
    return (
        run.first_round <= order.round < run.rounds
        and 0 <= order.slot < batches.slots_of(order.task)
        and order.micro_batch == batches.micro_batch(order.round, order.task, order.slot)
        and order.weights_version == order.round
        and order.batch_size == batches.size(order.task)
        and order.kind == (1 if order.task == tasks else 0)
    )


class Signer:
    """Signs gradients with a key that the run lists."""

    def __init__(self, file: str, run: Run) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        try:
            key = load_pem_private_key(Path(file).read_bytes(), None)
        except (OSError, ValueError) as fault:
            raise ScriptError(f"{file}: no private key: {fault}") from fault
        if not isinstance(key, Ed25519PrivateKey):
            raise ScriptError(f"{file}: not an Ed25519 key; make one with: gradstream keys")
        public = base64.b64encode(
            key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ).decode()
        found = [(name, tasks) for name, (listed, tasks) in run.signers("worker").items() if listed == public]
        if not found:
            raise ScriptError(
                f"{file}: run {run.name} lists no worker with this key; it knows {', '.join(run.signers('worker'))}"
            )
        self.name, self.tasks = found[0]
        self._key = key

    def sign(self, digest: bytes) -> bytes:
        signature: bytes = self._key.sign(digest)
        return signature


def is_signed(public: str, digest: bytes, signature: bytes) -> bool:
    """Whether a listed key signed a digest."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = load_der_public_key(base64.b64decode(public))
    assert isinstance(key, Ed25519PublicKey)
    try:
        key.verify(signature, digest)
        return True
    except InvalidSignature:
        return False


@dataclass(frozen=True)
class Result:
    """What a worker says of a slot beside its values."""

    worker: str
    loss: float
    task_losses: Sequence[float]
    compute_us: int
    fingerprint: int
    device: str
    batch_digest: bytes = b""


def gradient_record(
    run: Run, order: Order, result: Result, shard: Shard, type_: int, gradient: Array, signer: Optional[Signer]
) -> bytes:
    """The record of one shard of a slot's gradient; buffers travel as float32 whatever the run's type is."""
    type_ = FLOAT32 if shard.learns_from else type_
    values = to_bytes(gradient[shard.offset : shard.offset + shard.length], type_)

    def header(digest: bytes = b"", signature: bytes = b"") -> bytes:
        return (
            _wire.number(1, order.round)
            + _wire.number(2, shard.index)
            + _wire.number(3, order.slot)
            + _wire.fixed64(4, run.manifest)
            + _wire.text(5, result.worker)
            + _wire.number(6, order.batch_size)
            + _wire.double(7, result.loss)
            + _wire.number(8, type_)
            + _wire.number(9, order.micro_batch)
            + _wire.number(10, result.compute_us)
            + _wire.doubles(11, result.task_losses)
            + _wire.fixed64(12, order.nonce)
            + _wire.chunk(13, digest)
            + _wire.chunk(14, signature)
            + _wire.number(16, order.weights_version)
            + _wire.number(18, order.batch_size)
            + _wire.number(19, order.kind)
            + _wire.fixed64(21, result.fingerprint)
            + _wire.text(22, result.device)
            + _wire.chunk(25, result.batch_digest)
        )

    digest = _wire.sha256(
        _wire.kind("gradient"),
        _wire.sized(run.digest),
        _wire.sized(run.task_name(order.task).encode()),
        _wire.sized(header()),
        values,
    )
    return header(digest, signer.sign(digest) if signer else b"") + _wire.chunk(15, values, True)


class Weights:
    """Puts weights versions together from the records of all partitions.

    A version is whole once every partition with shards has sealed it and the shards that the seals name are there.
    What no seal names is part of no version. Where the run lists servers' keys, a seal counts only with a signature.
    """

    #: Records of one shard that are kept until a seal names one of them.
    _KEPT = 4

    def __init__(self, run: Run) -> None:
        self._run = run
        self._shards: Dict[int, Dict[bytes, Array]] = {}
        self._seals: Dict[int, Dict[int, Dict[int, bytes]]] = {}
        self._partitions = {shard.partition for shard in run.shards}
        self._servers = [key for key, _ in run.signers("server").values()]
        self.version = -1
        self.values: Array = np.zeros(run.size, np.float32)

    def add(self, key: Optional[bytes], record: Optional[bytes], partition: int) -> bool:
        """Takes a record in; says whether a newer version is whole now."""
        if record is None:
            return False
        try:
            if key == b"seal":
                self._add_seal(record, partition)
            else:
                self._add_shard(record)
        except ValueError:
            return False
        return self._assemble()

    def _add_shard(self, record: bytes) -> None:
        message = _wire.read(record)
        index, type_ = _wire.integer(message, 2), _wire.integer(message, 8) or FLOAT32
        if _wire.integer(message, 4) != self._run.manifest or index >= len(self._run.shards):
            return
        values = message.get(15, [b""])[-1]
        length = self._run.shards[index].length
        if isinstance(values, int) or len(values) != length * (4 if type_ == FLOAT32 else 2):
            return
        header = _wire.header_of(record, (13, 15))
        digest = _wire.sha256(_wire.kind("weights"), _wire.sized(header), values)
        if digest == _wire.octets(message, 13):
            kept = self._shards.setdefault(index, {})
            kept[digest] = from_bytes(memoryview(values), type_)
            while len(kept) > self._KEPT:
                kept.pop(next(iter(kept)))

    def _add_seal(self, record: bytes, partition: int) -> None:
        message = _wire.read(record)
        version = _wire.integer(message, 1)
        if (
            _wire.integer(message, 4) != self._run.manifest
            or _wire.integer(message, 2) != partition
            or not max(self.version + 1, self._run.first_round) <= version <= self._run.rounds
        ):
            return
        body = _wire.header_of(record, (13, 14))
        digest = _wire.sha256(_wire.kind("seal"), _wire.sized(self._run.digest), body)
        if digest != _wire.octets(message, 13):
            return
        if self._servers and not any(
            is_signed(key, digest, _wire.octets(message, 14)) for key in self._servers
        ):
            return
        sealed = {}
        for part in message.get(6, []):
            if isinstance(part, int):
                return
            entry = _wire.read(part)
            sealed[_wire.integer(entry, 1)] = _wire.octets(entry, 3)
        own = {shard.index for shard in self._run.shards if shard.partition == partition}
        if set(sealed) == own:
            self._seals.setdefault(version, {})[partition] = sealed

    def _assemble(self) -> bool:
        for version in sorted(self._seals, reverse=True):
            seals = self._seals[version]
            if set(seals) != self._partitions:
                continue
            places = [(index, digest) for sealed in seals.values() for index, digest in sealed.items()]
            if all(digest in self._shards.get(index, {}) for index, digest in places):
                for index, digest in places:
                    shard = self._run.shards[index]
                    self.values[shard.offset : shard.offset + shard.length] = self._shards[index][digest]
                self.version = version
                self._seals = {later: seal for later, seal in self._seals.items() if later > version}
                return True
        return False


def fingerprint_weights(size: int, parameters: int) -> Array:
    """Weights that fingerprints are taken at, the same everywhere; buffers, which are behind them, are near 1."""
    from ._random import key, uniform

    k = key(0, 7)
    period = np.array([0.1 * (2 * uniform(k, i) - 1) for i in range(min(size, 65536))])
    weights = np.resize(period.astype(np.float32), size)
    weights[parameters:] += np.float32(1)
    return weights


def client_settings(file: Optional[str]) -> Mapping[str, Any]:
    """Settings of Kafka's clients from a properties file."""
    settings: Dict[str, Any] = {}
    if file:
        try:
            lines = Path(file).read_text().splitlines()
        except OSError as fault:
            raise ScriptError(f"--command-config: {file}: {fault.strerror}") from fault
        for line in lines:
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith("#"):
                settings[name.strip()] = value.strip()
    return settings


def shards_of(run: Run, task: int) -> List[Shard]:
    """The shards that a task's gradient has values in."""
    return [shard for shard in run.shards if run.touches(task, shard)]


