"""Where a worker of its own computes."""

import subprocess
import sys

from gradstream import _standalone


def test_devices_of_specs_have_other_names_in_torch() -> None:
    assert [_standalone.torch_device(device) for device in ("cpu", "gpu", "gpu:1")] == ["cpu", "cuda", "cuda:1"]


def test_a_process_begins_again_on_the_runs_device() -> None:
    script = (
        "import sys; from gradstream import _standalone as s; print(sys.argv[1:], flush=True); "
        "'--device' in sys.argv or s._begin_again_on('cuda:1')"
    )

    done = subprocess.run([sys.executable, "-c", script, "--run", "x"], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["['--run', 'x']", "['--run', 'x', '--device', 'cuda:1']"]
    assert "begins again" in done.stderr
