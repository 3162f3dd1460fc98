"""Wild input against every door: thousands of cases; for more, ``python tests/fuzz.py --minutes 30``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = 2000


@pytest.mark.skipif(os.name != "posix", reason="limits memory and computing of a process")
@pytest.mark.slow
def test_wild_input_gives_a_result_or_one_line():
    script = Path(__file__).parents[1] / "fuzz.py"
    command = [sys.executable, script, "--seed", "11", "--cases", str(CASES)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-20_000:]
    assert done.stdout.startswith(f"{CASES} cases, 0 off")
