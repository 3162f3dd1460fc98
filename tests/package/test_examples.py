"""The programs in examples/ run, and say what they should."""

import importlib
import subprocess
import sys

import pytest
from layout import ROOT


def program(name, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


EXPECTED = """\
5861 diagrams of order 6; 3879 have no symmetry
sum of 1/symmetry factor: 3411821/720, expected 3411821/720
"""


def test_share_an_order_with_processes():
    done = program("share_an_order.py", "--order", "6", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout == EXPECTED


def test_share_an_order_with_dask():
    pytest.importorskip("dask.distributed", exc_type=ImportError)
    done = program("share_an_order.py", "--order", "6", "--workers", "2", "--dask")
    assert done.returncode == 0, done.stderr
    assert done.stdout == EXPECTED


def test_share_an_order_with_a_cluster_that_runs_already(monkeypatch, capsys):
    distributed = pytest.importorskip("dask.distributed", exc_type=ImportError)
    monkeypatch.syspath_prepend(ROOT / "examples")
    example = importlib.import_module("share_an_order")
    with distributed.LocalCluster(processes=False, n_workers=2, dashboard_address=None) as cluster:
        assert example.main(["--order", "6", "--dask", cluster.scheduler_address]) == 0
    assert capsys.readouterr().out == EXPECTED


def test_share_an_order_notices_a_lost_part(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "examples")
    example = importlib.import_module("share_an_order")
    half = [example.count_part(5, 0, 2)]
    monkeypatch.setattr(example, "count_with_processes", lambda *_: half)
    assert example.main(["--order", "5"]) == 1
    assert "expected" in capsys.readouterr().out


def test_share_an_order_rejects_bad_numbers():
    for arguments in (["--order", "99"], ["--workers", "0"]):
        done = program("share_an_order.py", *arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
