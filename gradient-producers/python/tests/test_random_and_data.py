"""The bits of random numbers, batches and data sets are those of the protocol's vectors."""

import struct
from typing import Any, Callable

import numpy as np
import pytest

import gradstream
from gradstream import ScriptError
from gradstream._digits import load
from gradstream._random import bits, key, uniform


def test_random_numbers_are_the_same(vectors: Callable[[str], Any]) -> None:
    for vector in vectors("random.json"):
        k = key(vector["seed"], *vector["path"])
        for i, expected in enumerate(vector["bits"]):
            assert "%016x" % bits(k, i) == expected
            assert struct.pack(">d", uniform(k, i)).hex() == vector["uniform"][i]


def test_micro_batches_hold_the_same_samples(vectors: Callable[[str], Any]) -> None:
    for v in vectors("batches.json"):
        assert gradstream.micro_batch(v["seed"], v["samples"], v["size"], v["micro_batch"]) == v["indices"]


def test_overlaid_digits_have_the_same_bytes(vectors: Callable[[str], Any]) -> None:
    for vector in vectors("data.json"):
        data = load(vector["type"], vector)
        assert data.digest().hex() == vector["sha256"]
        for batch in vector["batches"]:
            assert data.training.batch_digest(batch["indices"]).hex() == batch["sha256"]


def test_fields_are_what_scripts_get() -> None:
    data = load("overlay", {"directory": "shipped:digits", "held-out": 9990, "partners": 1})
    fields = data.held_out.fields([3, 1])
    assert fields["image"].shape == (2, 1, 36, 36) and fields["image"].dtype == np.float32
    assert 0 <= fields["image"].min() and fields["image"].max() == 1
    assert fields["left-digit"].dtype == np.int64 and set(fields) == {"image", "left-digit", "right-digit"}


def test_missing_data_are_named(tmp_path: Any) -> None:
    with pytest.raises(ScriptError, match="no such files"):
        load("idx", {"directory": str(tmp_path)})
    (tmp_path / "train-images-idx3-ubyte").write_bytes(struct.pack(">iiii", 0x0803, 5, 2, 2) + bytes(19))
    with pytest.raises(ScriptError, match="cut short"):
        load("idx", {"directory": str(tmp_path)})
