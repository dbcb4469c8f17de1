"""What several tests need."""

import json
import pathlib
import sys
from typing import Any, Callable, List

import pytest

REPOSITORY = pathlib.Path(__file__).parents[3]


@pytest.fixture
def vectors() -> Callable[[str], Any]:
    """Reads the protocol's test vectors, which the Java tests read as well."""
    return lambda name: json.loads((REPOSITORY / "proto/protocol/src/test/resources/vectors" / name).read_text())


@pytest.fixture
def check(tmp_path: pathlib.Path, capfd: Any) -> Callable[..., Any]:
    """Runs ``gradstream check`` on the text of a script; gives exit code, output and errors."""
    from gradstream.__main__ import main

    def run(text: str, *options: str) -> Any:
        script = tmp_path / "script.py"
        script.write_text(text)
        code = main(["check", str(script), "--batch-size", "4", *options])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run
