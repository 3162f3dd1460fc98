"""Work for executors of the tests; here, because other processes import it by name."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


def square(number):
    return number * number


def process_of(number):
    return number, os.getpid()


@dataclass(frozen=True)
class KillsItsWorker:
    """A square, whose worker is killed on the way when it is that of a certain number."""

    folder: str
    number: int
    times: int = 1

    def __call__(self, number):
        if number == self.number:
            marks = [Path(self.folder) / f"killed {i}" for i in range(self.times)]
            for mark in marks:
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                    time.sleep(60)
        return number * number


def square_or_interrupt(number):
    if number == 3:
        raise KeyboardInterrupt
    return number * number


def square_or_error(number):
    if number == 3:
        raise ValueError("three")
    return number * number


@dataclass(frozen=True)
class KillsOneWorker:
    """A function of the weights, whose first worker is killed; the process of the test is spared."""

    folder: str
    spared: int

    def __call__(self, theta):
        mark = Path(self.folder) / "killed"
        if os.getpid() != self.spared and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        return theta[:, 0] ** 2
