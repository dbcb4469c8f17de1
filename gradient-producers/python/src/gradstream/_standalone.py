"""The script as a worker of its own: takes orders, computes, and publishes gradients, without a JVM.

docs/protocol.md says what a worker does. Share groups are a preview in confluent-kafka: a lock cannot be renewed there, so
a slot that takes longer than the lock is computed by somebody else, too; it is the same slot with the same bits.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import socket
import sys
import time
from typing import Any, Dict, List, Optional, Set

import numpy as np

from ._batches import Batch
from ._child import script_files
from ._computation import Computation
from ._digits import load
from ._errors import ScriptError
from ._records import (
    BFLOAT16,
    FLOAT32,
    Order,
    Result,
    Signer,
    Weights,
    client_settings,
    expected_order,
    fingerprint_weights,
    gradient_record,
    shards_of,
)
from ._run import Run, read_run
from ._worker import Script

_POLL_SECONDS = 0.5
_START_SECONDS = 30.0
_LONGEST_LOCK_SECONDS = 30.0


def is_asked_for(arguments: List[str]) -> bool:
    """Whether the script's arguments ask for a worker."""
    return any(argument == "--run" or argument.startswith("--run=") for argument in arguments)


def options(arguments: List[str]) -> argparse.Namespace:
    """Reads the arguments; leaves those that are the script's own alone."""
    parser = argparse.ArgumentParser(description="Works for a run, without a JVM.", allow_abbrev=False)
    parser.add_argument("--run", required=True, help="the run's name")
    parser.add_argument("--bootstrap", default=os.environ.get("GRADSTREAM_BOOTSTRAP"), help="brokers, HOST:PORT")
    parser.add_argument("--command-config", help="settings of Kafka's clients (librdkafka's names), a properties file")
    parser.add_argument("--tasks", help="the tasks to serve, separated by commas; default: all")
    parser.add_argument("--device", help="where to compute, such as cuda:0; default: the run's compute.device")
    parser.add_argument("--key", help="private key that signs gradients, as gradstream keys makes them")
    parser.add_argument("--stay", action="store_true", help="stay when the run is finished")
    found, _ = parser.parse_known_args(arguments)
    if not found.bootstrap:
        parser.error("--bootstrap HOST:PORT says where the brokers are")
    return found


def main(script: Script, given: argparse.Namespace) -> int:
    """Works until the run is finished, or somebody interrupts it."""
    try:
        import confluent_kafka
    except ImportError:
        raise ScriptError("a worker of its own needs confluent-kafka: pip install 'gradstream[kafka]'") from None
    if not hasattr(confluent_kafka, "ShareConsumer"):
        raise ScriptError("confluent-kafka is too old for share groups; 2.16 or newer has them")
    worker = StandaloneWorker(script, given, confluent_kafka)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    signal.signal(signal.SIGINT, lambda *_: worker.stop())
    worker.work()
    return 0


def torch_device(device: str) -> str:
    """What torch calls a device of a run spec."""
    return device.replace("gpu", "cuda", 1)


def _begin_again_on(device: str) -> None:
    """Starts this process anew on a device: the model was placed before the run was known, on the CPU."""
    if device != "cpu":
        print(f"gradstream: the run computes on {device}; begins again there (--device says otherwise)", file=sys.stderr)
        sys.stderr.flush()
        arguments = getattr(sys, "orig_argv", [sys.executable, *sys.argv])[1:]
        os.execv(sys.executable, [sys.executable, *arguments, "--device", device])


class StandaloneWorker:
    """One worker. One thread."""

    def __init__(self, script: Script, given: argparse.Namespace, kafka: Any) -> None:
        self._given = given
        self._kafka = kafka
        self._settings: Dict[str, Any] = {**client_settings(given.command_config), "bootstrap.servers": given.bootstrap}
        self._run = self._find(given.run)
        run = self._run
        if given.device is None:
            _begin_again_on(torch_device(str(run.spec["compute"]["device"])))
        self._signer = Signer(given.key, run) if given.key else None
        if run.signers("worker") and self._signer is None:
            raise ScriptError(f"run {run.name} takes signed gradients only; give the worker's --key FILE")
        self._name = f"{self._signer.name if self._signer else f'{os.getpid()}@{socket.gethostname()}'}/0"
        self._served = self._served_tasks()
        self._computation = self._computation_of(script)
        self._device = script.model.device().replace("cuda:", "gpu:").replace("cuda", "gpu:0")
        self._values = np.zeros(run.size, np.float32)
        self._gradient = np.zeros(run.size, np.float32)
        self._computation.bind(self._values, self._gradient)
        self._fingerprint = self._take_fingerprint()
        self._require_arithmetic()
        self._weights = Weights(run)
        self._loaded = -1
        self._type = BFLOAT16 if run.spec["transport"]["value-type"] == "bfloat16" else FLOAT32
        self._lock = min(int(run.spec["orders"]["timeout-ms"]) / 1000, _LONGEST_LOCK_SECONDS)
        self._stopped = False

    # --- the run ---------------------------------------------------------------------------------

    def _consumer(self, group: str) -> Any:
        return self._kafka.Consumer(
            {
                **self._settings,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
            }
        )

    def _find(self, name: str) -> Run:
        consumer = self._consumer(f"{name}.python")
        try:
            place = self._kafka.TopicPartition(f"{name}.spec", 0, 0)
            topics = consumer.list_topics(timeout=_START_SECONDS).topics
            if place.topic not in topics:
                raise ScriptError(f"no run {name} at {self._given.bootstrap}; submit it first")
            low, high = consumer.get_watermark_offsets(place, timeout=_START_SECONDS)
            place.offset = low
            consumer.assign([place])
            end = time.monotonic() + _START_SECONDS
            while time.monotonic() < end and low < high:
                message = consumer.poll(_POLL_SECONDS)
                if message is None or message.error():
                    continue
                low = message.offset() + 1
                found = read_run(name, message.value()) if message.value() else None
                if found is not None and found.spec.get("run") == name:
                    return found
            raise ScriptError(f"topic {name}.spec holds no run record")
        except self._kafka.KafkaException as fault:
            raise ScriptError(f"no broker answers at {self._given.bootstrap}: {fault.args[0].str()}") from fault
        finally:
            consumer.close()

    def _served_tasks(self) -> Set[int]:
        run = self._run
        wanted = self._given.tasks.split(",") if self._given.tasks else run.tasks
        for task in wanted:
            if task not in run.tasks:
                raise ScriptError(f"--tasks: run {run.name} has no task {task}; it has {', '.join(run.tasks)}")
        if self._signer and self._signer.tasks:
            wanted = [task for task in wanted if task in self._signer.tasks]
        served = {run.tasks.index(task) for task in wanted}
        if run.has_sum and (not self._signer or not self._signer.tasks or "all" in self._signer.tasks):
            served.add(len(run.tasks))
        if not served:
            raise ScriptError(f"this worker's key may compute none of the tasks {', '.join(run.tasks)}")
        return served

    def _computation_of(self, script: Script) -> Computation:
        run = self._run
        if any(kind != "none" for kind, _ in run.batches.data):
            if script.batches.brings_data():
                raise ScriptError("the script brings data of its own, and the run spec has data: another script's run")
            self._take_data(script)
        elif not script.batches.brings_data():
            raise ScriptError("neither the run spec nor the script has data")
        if script.batches.are_cut_by_index() and not run.batches.are_alike():
            raise ScriptError(
                f"tasks of run {run.name} have micro-batches or batch-size of their own; give data= in place of batch="
            )
        files = [bytes.fromhex(file["sha256"]) for file in script_files()]
        if run.files and files != [digest for _, digest in run.files]:
            names = ", ".join(name for name, _ in run.files)
            raise ScriptError(f"run {run.name} was submitted with another version of {names}; get that one")
        model = run.spec["model"]
        release = [text.split("+")[0] for text in (run.framework or "", script.model.framework())]
        if run.framework and model.get("framework", "same") == "same" and release[0] != release[1]:
            raise ScriptError(f"run {run.name} computes with {run.framework}, and here is {script.model.framework()}")
        computation = Computation(
            script,
            run.tasks,
            run.outputs(),
            run.weights(),
            int(run.spec["seed"]),
            run.batches.sizes,
            int(run.spec["compute"]["intra-op-threads"]),
            bool(model.get("eval-gradients", False)),
        )
        tensors = computation.describe()
        if run.spec["scope"] == "all":
            tensors = [(name, shape, -1, learns_from) for name, shape, _, learns_from in tensors]
        if tensors != run.tensors:
            raise ScriptError(f"run {run.name} has other parameters than this script's model")
        return computation

    def _take_data(self, script: Script) -> None:
        run = self._run
        first = sorted(set(run.batches.sources))
        sources = [load(*run.batches.data[task]) for task in first]
        script.batches.take(sources, [first.index(source) for source in run.batches.sources])
        digests = dict(zip(first, (source.digest() for source in sources)))
        for task, name in enumerate(run.tasks):
            own = "data" in run.spec["tasks"][task]
            wanted = run.task_data[task] if run.task_data else run.data
            if wanted and digests[run.batches.sources[task]] != wanted:
                key = f"tasks.{task}.data" if own else "data"
                raise ScriptError(f"run {run.name} trains task {name} on other data than are here in {key}.directory")

    # --- arithmetic ------------------------------------------------------------------------------

    def _take_fingerprint(self) -> int:
        self._values[:] = fingerprint_weights(self._run.size, self._run.parameters)
        digest = hashlib.sha256()
        for task in range(len(self._run.tasks)):
            self._computation.gradient(task, self._batch(task, 0))
            digest.update(self._gradient.tobytes())
        return int.from_bytes(digest.digest()[:8], "big")

    def _batch(self, task: int, micro_batch: int) -> Batch:
        batches = self._run.batches
        return Batch(micro_batch, batches.first_sample(task, micro_batch), batches.size(task))

    def _require_arithmetic(self) -> None:
        wanted = str(self._run.spec["compute"].get("arithmetic", "any"))
        if wanted not in ("any", "same", f"{self._fingerprint:016x}"):
            raise ScriptError(
                f"run {self._run.name} takes gradients of arithmetic {wanted} alone, and here it is {self._fingerprint:016x}"
            )

    # --- work ------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Lets the slot that is computed end, and begins no other; from a signal handler."""
        self._stopped = True

    def work(self) -> None:
        run, kafka = self._run, self._kafka
        print(
            f"worker {self._name} serves {', '.join(run.task_name(task) for task in sorted(self._served))},"
            f" arithmetic {self._fingerprint:016x}",
            file=sys.stderr,
            flush=True,
        )
        follower = self._consumer(f"{run.name}.python")
        follower.assign(
            [kafka.TopicPartition(f"{run.name}.weights", partition, 0) for partition in range(run.partitions)]
        )
        producer = kafka.Producer({**self._settings, "acks": "all", "enable.idempotence": True, "linger.ms": 0})
        orders = kafka.ShareConsumer(
            {
                **self._settings,
                "group.id": f"{run.name}.workers",
                "share.acknowledgement.mode": "explicit",
                "max.poll.records": 1,
            }
        )
        topics = {f"{run.name}.orders.{run.task_name(task)}": task for task in self._served}
        try:
            orders.subscribe(list(topics))
            while not self._stopped and (self._given.stay or self._weights.version < run.rounds):
                self._follow(follower, 0)
                for message in orders.poll(_POLL_SECONDS):
                    if message.error():
                        continue
                    orders.acknowledge(message, self._serve(message, topics[message.topic()], follower, producer))
                    orders.commit_sync(self._lock)
        finally:
            orders.close()
            producer.flush(self._lock)
            follower.close()

    def _follow(self, follower: Any, seconds: float) -> None:
        """Takes in the weights that have arrived, or waits for some."""
        messages = follower.consume(64, seconds)
        while messages:
            for message in messages:
                if not message.error():
                    self._weights.add(message.key(), message.value(), message.partition())
            messages = follower.consume(64, 0)

    def _serve(self, message: Any, task: int, follower: Any, producer: Any) -> Any:
        """Does what an order asks for; says how it is to be acknowledged."""
        answers = self._kafka.AcknowledgeType
        try:
            order = Order.read(message.value() or b"")
        except ValueError:
            return answers.REJECT
        if order.task != task or not expected_order(self._run, order):
            print(f"worker {self._name} refuses an order that the run cannot have given", file=sys.stderr)
            return answers.REJECT
        patience = time.monotonic() + self._lock / 2
        while self._weights.version < order.weights_version and time.monotonic() < patience and not self._stopped:
            self._follow(follower, 0.01)
        if self._weights.version > order.weights_version:
            return answers.ACCEPT
        if self._weights.version < order.weights_version:
            return answers.RELEASE
        return answers.ACCEPT if self._publish(order, producer) else answers.RELEASE

    def _publish(self, order: Order, producer: Any) -> bool:
        run = self._run
        if self._loaded != order.weights_version:
            self._values[:] = self._weights.values
            self._loaded = order.weights_version
        task = order.task if order.kind == 0 else 0
        batch = self._batch(task, order.micro_batch)
        begin = time.perf_counter()
        task_losses: List[float] = []
        if order.kind == 0:
            loss = self._computation.gradient(task, batch)
        else:
            task_losses = self._computation.summed(batch)
            loss = sum(weight * each for weight, each in zip(run.weights(), task_losses))
        micros = int((time.perf_counter() - begin) * 1e6)
        digest = self._computation.batch_digest(task, batch)
        result = Result(self._name, loss, task_losses, micros, self._fingerprint, self._device, digest)
        failed: List[Any] = []

        def delivered(error: Optional[Any], _: Any) -> None:
            if error is not None:
                failed.append(error)

        for shard in shards_of(run, order.task):
            producer.produce(
                f"{run.name}.gradients.{run.task_name(order.task)}",
                value=gradient_record(run, order, result, shard, self._type, self._gradient, self._signer),
                key=shard.index.to_bytes(4, "big"),
                partition=shard.partition,
                on_delivery=delivered,
            )
        undelivered = producer.flush(self._lock / 2)
        if failed or undelivered:
            print(f"worker {self._name}: the brokers did not take slot {order.slot} of round {order.round}", file=sys.stderr)
        return not failed and not undelivered
