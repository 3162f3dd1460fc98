"""Models in Python files of the user: ``FILE.py:NAME``, the one text that is executed here."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
import traceback
from dataclasses import dataclass, field
from importlib.util import decode_source
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import (
    MissingDependencyError,
    RequestError,
    SgdiagramsError,
    check_kind,
)
from sgdiagrams.diagrams.files import usable_path
from sgdiagrams.diagrams.messages import shortened, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["GivenModel", "ModelFile"]

_EXTRAS = {"jax": "jax", "jaxlib": "jax", "optax": "jax", "torch": "torch"}


#: What may come after loss, weights and data.
_MORE = ("test_data", "functions")


@final
@dataclass(frozen=True, slots=True, eq=False)
class GivenModel:
    """What the function of a model file has returned.

    Attributes
    ----------
    loss, weights, data
        As `measure` takes them.
    test_data
        Other data for the test loss, or None.
    functions
        Name -> function of the weights.
    """

    loss: Any
    weights: Any
    data: Any
    test_data: Any = None
    functions: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class ModelFile:
    """A function in a Python file that returns loss, weights and data; a value that pickles.

    The file is executed as Python when the model is loaded, as ``python FILE.py`` would, but for its
    part under ``if __name__ == "__main__"``. What it prints goes to standard error.

    Parameters
    ----------
    path
        The name of the file.
    name
        Of a function in it that takes no arguments and returns ``(loss, weights, data)``, or with more
        ``(loss, weights, data, {"test_data": ..., "functions": {name: function of the weights}})``.

    Examples
    --------
    >>> ModelFile.parse("models/network.py:small")
    ModelFile(path='models/network.py', name='small')
    """

    path: str
    name: str

    def __post_init__(self) -> None:
        check_kind("path", self.path, (str, os.PathLike), called="the name of a Python file")
        check_kind("name", self.name, str, called="the name of a function")
        object.__setattr__(self, "path", os.fspath(self.path))
        if not self.name.isidentifier():
            raise RequestError(f"expected the name of a function, got {shown(self.name)}")

    @classmethod
    def parse(cls, text: str) -> ModelFile:
        """Return the model that a text ``FILE.py:NAME`` names.

        Raises
        ------
        RequestError
            When the text has another form.
        """
        check_kind("text", text, str, called="FILE.py:NAME")
        path, colon, name = text.rpartition(":")
        if not colon or not path or not name.isidentifier():
            raise RequestError(
                "expected FILE.py:NAME with NAME a function that returns loss, weights and data, got "
                f"{shown(text)}"
            )
        return cls(path, name)

    def load(self) -> tuple[Any, Any, Any]:
        """Execute the file, call the function and return loss, weights and data.

        Returns
        -------
        tuple
            ``(loss, weights, data)`` as `measure` takes them.

        Raises
        ------
        RequestError, MissingDependencyError
            As from `given`.
        """
        model = self.given()
        return model.loss, model.weights, model.data

    def given(self) -> GivenModel:
        """Execute the file, call the function and return all that it gives.

        Raises
        ------
        RequestError
            When there is no such file or function, when either raises an error (its line is named), or
            when something else is returned.
        MissingDependencyError
            When the file needs a library that is absent.
        """
        source = self._source()
        path = str(Path(self.path).resolve())
        module = ModuleType(_module_name(path))
        module.__file__ = path
        with self._loading(), _as_a_script(module):
            exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102 - what it is for
        function = module.__dict__.get(self.name)
        if function is None:
            raise RequestError(
                f"expected a function {self.name} in {shown(self.path)}, {_offered(module)}"
            )
        self._check(function)
        with self._loading(), _as_a_script(module):
            answer = function()
        if not isinstance(answer, (tuple, list)) or len(answer) not in {3, 4}:
            raise RequestError(
                f"expected {self.name}() of {shown(self.path)} to return loss, weights and data, got "
                f"{_kind_of(answer)}"
            )
        loss, weights, data, *rest = answer
        more = self._checked(rest[0]) if rest else {}
        if not callable(loss):
            raise RequestError(
                f"expected {self.name}() of {shown(self.path)} to return a function loss(weights, "
                f"datapoint) first, got loss={shown(loss)}"
            )
        return GivenModel(loss, weights, data, **more)

    def _checked(self, more: Any) -> dict[str, Any]:
        """Return what comes after loss, weights and data, by name."""
        functions = more.get("functions", {}) if isinstance(more, dict) else None
        are_functions = isinstance(functions, dict) and all(map(callable, functions.values()))
        if not are_functions or not set(more) <= set(_MORE):
            raise RequestError(
                f"expected {self.name}() of {shown(self.path)} to return after loss, weights and data at "
                f'most {{"test_data": ..., "functions": {{name: function}}}}, got {_kind_of(more)}'
            )
        return dict(more)

    def _source(self) -> str:
        """Return the text of the file."""
        given = usable_path(self.path)
        try:
            return decode_source(given.read_bytes())
        except FileNotFoundError:
            raise RequestError(
                f"expected a Python file, got {shown(self.path)}, which does not exist"
            ) from None
        except OSError as error:
            raise RequestError(
                f"cannot read {shown(self.path)}: {error.strerror or error}"
            ) from error
        except (SyntaxError, UnicodeDecodeError) as error:
            raise RequestError(
                f"expected a Python file, got {shown(self.path)}, which is none: {shown(str(error))}"
            ) from error

    def _check(self, function: Callable[[], Any]) -> None:
        """Refuse what cannot be called without arguments."""
        if not callable(function):
            raise RequestError(
                f"expected {self.name} of {shown(self.path)} to be a function that returns loss, weights "
                f"and data, got {_kind_of(function)}"
            )
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # some have none
            return
        try:
            signature.bind()
        except TypeError:
            raise RequestError(
                f"expected {self.name} of {shown(self.path)} to take no arguments, got "
                f"{self.name}{shortened(str(signature), most=80)}"
            ) from None

    @contextlib.contextmanager
    def blamed(self) -> Iterator[None]:
        """Say of what the functions of the file raise, when they are called, which line it comes from.

        Raises
        ------
        RequestError
            In place of an error that has gone through the file.
        SgdiagramsError
            Those of this package, with the line where such an error is the reason.
        """
        try:
            yield
        except SgdiagramsError as error:
            line = None if error.__cause__ is None else self._line(error.__cause__)
            if line is None:
                raise
            raise type(error)(f"{error} (line {line} of {shown(self.path)})") from error.__cause__
        except Exception as error:
            if self._line(error) is None:
                raise
            raise self._refusal(error) from error

    @contextlib.contextmanager
    def _loading(self) -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:
            raise self._refusal(error) from error

    def _refusal(self, error: BaseException) -> SgdiagramsError:
        line = self._line(error)
        at = f" at line {line}" if line else ""
        words = shortened(" ".join(str(error).split()), most=160)
        text = f"{shown(self.path)} raised {type(error).__name__}{at}: {words}".rstrip(": ")
        library = _EXTRAS.get((getattr(error, "name", None) or "").partition(".")[0])
        if isinstance(error, ModuleNotFoundError) and library:
            return MissingDependencyError(
                f'{text}; install it with pip install "sgdiagrams[{library}]"'
            )
        return RequestError(text)

    def _line(self, error: BaseException) -> int | None:
        """Return the last line of the file on the way to an error."""
        path = str(Path(self.path).resolve())
        if isinstance(error, SyntaxError) and error.filename == path:
            return error.lineno
        frames = traceback.extract_tb(error.__traceback__)
        return next((frame.lineno for frame in reversed(frames) if frame.filename == path), None)


def _module_name(path: str) -> str:
    """Return a name that no library has, whatever the file is called."""
    return re.sub(r"\W", "_", Path(path).name)


@contextlib.contextmanager
def _as_a_script(module: ModuleType) -> Iterator[None]:
    """Let a file find its neighbours and itself, and keep what it prints out of the output.

    Afterwards the module is not to be found by its name: what is sent to other processes then takes the
    functions of the file with it, which those cannot import.
    """
    name, folder = module.__name__, str(Path(str(module.__file__)).parent)
    before = sys.modules.get(name)
    sys.modules[name] = module
    sys.path.insert(0, folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before


def _offered(module: ModuleType) -> str:
    names = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    ]
    return f"which has {shortened(', '.join(names), most=80)}" if names else "which has none"


def _kind_of(value: object) -> str:
    size = f" of {len(value)}" if isinstance(value, (tuple, list)) else ""
    return f"{shown(value, most=40)} ({type(value).__name__}{size})"
