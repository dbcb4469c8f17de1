"""``gradstream check``, and with it the child that a worker starts: scripts with numpy alone."""

from typing import Any, Callable

GOOD = """
import gradstream
import numpy as np

print("a script may print")
DATA = [np.full(3, i, np.float32) for i in range(10)]


def gradient(task, parameters, batch):
    away = parameters["w"] - batch.mean(axis=0)
    gradients = {"w": 2 * away}
    loss = float((away**2).sum())
    if task == "second":
        gradients["own.bias"] = 2 * parameters["own.bias"]
        loss += float((parameters["own.bias"] ** 2).sum())
    return loss, gradients


gradstream.worker(
    parameters={"w": np.random.randn(3).astype(np.float32), "own.bias": np.ones(2, np.float32)},
    gradient=gradient,
    losses={"first": lambda p, b: gradient("first", p, b)[0], "second": lambda p, b: gradient("second", p, b)[0]},
    data=DATA,
    held_out=DATA[:5],
    metrics={"size": lambda parameters, batch: len(batch)},
)
"""


def test_good_script_passes(check: Callable[..., Any]) -> None:
    code, out, _ = check(GOOD)
    assert code == 0, out
    assert "parameter    w [3]: shared, reached by first, second" in out
    assert "parameter    own.bias [2]: own of second, reached by second" in out
    assert "held out     4 samples" in out and "{'size': 4.0}" in out
    assert "same bits" in out


def test_prints_go_to_standard_error(check: Callable[..., Any]) -> None:
    _, out, err = check(GOOD)
    assert "a script may print" in err and "a script may print" not in out


def test_declared_owner_counts(check: Callable[..., Any]) -> None:
    code, out, _ = check(GOOD.replace("    data=DATA", '    owners={"own": "shared"},\n    data=DATA'))
    assert code == 0 and "own.bias [2]: shared" in out


def test_script_that_draws_from_the_clock_has_other_bits(check: Callable[..., Any]) -> None:
    unsteady = GOOD.replace("    loss = float(", "    import time\n    gradients['w'] = gradients['w'] + time.time_ns() % 997\n    loss = float(")
    code, out, _ = check(unsteady)
    assert code == 1
    assert "different    the gradient of first: other bits the second time in one process" in out


def test_initial_weights_that_ignore_the_seed_are_told(check: Callable[..., Any]) -> None:
    code, out, _ = check(GOOD.replace("np.random.randn(3)", "np.random.default_rng().standard_normal(3)"))
    assert code == 1 and "different    initial weights: other bits in another process" in out


def test_random_numbers_of_a_loss_belong_to_the_batch(check: Callable[..., Any]) -> None:
    code, out, _ = check(GOOD.replace("    loss = float(", "    gradients['w'] = gradients['w'] + np.random.rand()\n    loss = float("))
    assert code == 0, out


def mistake(check: Callable[..., Any], old: str, new: str) -> str:
    assert old in GOOD
    code, _, err = check(GOOD.replace(old, new))
    assert code == 2
    last = err.strip().splitlines()[-1]
    return str(last)


def test_mistakes_are_one_line(check: Callable[..., Any]) -> None:
    assert "returns v, which is no parameter" in mistake(check, '{"w": 2 * away}', '{"v": 2 * away}')
    assert "w with shape (1, 3)" in mistake(check, '{"w": 2 * away}', '{"w": 2 * away[None]}')
    assert "must return (loss, {name: gradient})" in mistake(check, "return loss, gradients", "return gradients")
    assert "ZeroDivisionError: integer division or modulo by zero (script.py, line 1" in mistake(check, "{\"w\": 2 * away}", "{\"w\": 2 * away / (1 // 0)}")
    assert "the script has no data=" in mistake(check, "    data=DATA,\n    held_out=DATA[:5],\n", "")
    assert "ended with exit code 1" in mistake(check, "import numpy as np", "import no_such_module")


def test_parameter_that_no_loss_reaches_is_named(check: Callable[..., Any]) -> None:
    code, out, _ = check(GOOD.replace("parameters={", 'parameters={"idle": np.ones(1, np.float32), '))
    assert code == 0 and "warning      no loss reaches idle" in out
