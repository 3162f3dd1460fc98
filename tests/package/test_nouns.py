"""Nouns say what they can do, so that nobody asks what they are; and one name is one notion."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest
from layout import ROOT, module_names

from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.symbolic import observable
from sgdiagrams.symbolic.embeddings.rules import StepRule
from sgdiagrams.symbolic.propagation.course import Course
from sgdiagrams.symbolic.training.average import Average
from sgdiagrams.symbolic.training.optimizer import Optimizer
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schedules.schedule import Schedule

#: The base of every noun, and the files that may know which of its kinds is meant.
HOMES = {
    Sampling: "symbolic/training",
    Optimizer: "symbolic/training",
    Schedule: "symbolic/training",
    Average: "symbolic/training",
    Course: "symbolic/propagation",
    StepRule: "symbolic/embeddings",
    Landscape: "numeric/landscapes",
}
SOURCES = [
    path
    for room in ("diagrams", "symbolic", "numeric", "package")
    for path in ROOT.glob(f"{room}/**/*.py")
]


def concrete(base):
    """Yield the classes of a noun that the package defines."""
    for child in base.__subclasses__():
        yield from concrete(child)
        if child.__module__.startswith("sgdiagrams."):
            yield child


for name in module_names():
    importlib.import_module(name)
CLASSES = {cls.__name__: home for base, home in HOMES.items() for cls in concrete(base)}
CLASSES |= dict.fromkeys(("FreshData", "FullBatch"), "symbolic/training")
CLASSES |= {
    name: "symbolic/observable.py"
    for name, value in vars(observable).items()
    if isinstance(value, observable.Observable)
}
WORDS = {
    word
    for base in HOMES
    for cls in concrete(base)
    if isinstance(word := getattr(cls, "name", None), str)
} | set(observable.OBSERVABLES)


def named(node):
    """Yield the names in an expression, without what calls are given."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def asked(tree):
    """Yield (line, name) wherever the source asks which kind of noun something is."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, kinds, *_]):
                yield from ((node.lineno, name) for name in named(kinds))
            case ast.MatchClass(cls=cls):
                yield from (
                    (node.pattern.lineno if hasattr(node, "pattern") else cls.lineno, name)
                    for name in named(cls)
                )
            case ast.Compare(left=left, comparators=others):
                for side in (left, *others):
                    if isinstance(side, ast.Call):  # == SGD()
                        yield from ((node.lineno, name) for name in named(side.func))
                    else:  # type(x) is SGD, what == VARIANCE
                        yield from ((node.lineno, name) for name in [*named(side)][:1])
                words = {
                    part.value
                    for side in (left, *others)
                    for part in ast.walk(side)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
                asks = {"name", "label", "title"} & {
                    part.attr
                    for side in (left, *others)
                    for part in ast.walk(side)
                    if isinstance(part, ast.Attribute)
                }
                if asks:
                    yield from ((node.lineno, f".name is {word!r}") for word in words & WORDS)


def found_in(path, text):
    """Return where a file asks for kinds of nouns that are not its own."""
    place = path.relative_to(ROOT).as_posix()
    return [
        f"{place}:{line}: {name}"
        for line, name in asked(ast.parse(text))
        if (name.startswith(".name") and not place.startswith(tuple(HOMES.values())))
        or (name in CLASSES and not place.startswith(CLASSES[name]))
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_asks_what_a_noun_is(path):
    asks = found_in(path, path.read_text(encoding="utf-8"))
    assert not asks, "give the noun a method instead: " + "; ".join(asks)


@pytest.mark.parametrize(
    "text",
    [
        "isinstance(x, Momentum)",
        "isinstance(x, (int, OnePass))",
        "isinstance(x, SGD | Nesterov)",
        "isinstance(x, optimizer.SGD)",
        "issubclass(cls, Grid)",
        "x == SGD()",
        "SGD(beta=1) != x",
        "type(x) is Epochs",
        "x is VARIANCE",
        "x.observable == VARIANCE",
        "x.name == 'momentum'",
        "x.name in ('sgd', 'other')",
        "'grid' == x.sampling.name",
        "match x:\n    case Helix():\n        pass",
        "match x:\n    case a.ExponentialAverage(alpha=1):\n        pass",
        "isinstance(x, FixedBatches)",
        "isinstance(x, FullBatchSteps)",
    ],
)
def test_asking_is_found(text):
    assert found_in(ROOT / "numeric" / "verification.py", text)


@pytest.mark.parametrize(
    "text",
    [
        "isinstance(x, Sampling)",
        "isinstance(x, (Optimizer, Schedule, Average, Landscape, Course))",
        "x.symbol.name == 'T'",
        "SGD()",
        "y = {'sgd': 1}",
        "x.label == other.label",
    ],
)
def test_what_is_allowed_is_not_found(text):
    assert not found_in(ROOT / "numeric" / "verification.py", text)


def modules():
    """Yield the modules that say what they export, but for commands, which are named for users."""
    for name in module_names():
        module = importlib.import_module(name)
        if hasattr(module, "__all__") and not name.startswith("sgdiagrams.commands"):
            yield name, module


def test_no_module_is_called_what_it_exports():
    wrong = [name for name, module in modules() if name.rpartition(".")[2] in module.__all__]
    assert not wrong, f"rename the module or the function: {', '.join(wrong)}"


def test_no_function_hides_a_module_of_its_room():
    wrong = []
    for name, module in modules():
        if not hasattr(module, "__path__"):
            continue
        inside = {
            path.stem
            for folder in module.__path__
            for path in Path(folder).iterdir()
            if path.suffix == ".py" or (path / "__init__.py").exists()
        }
        wrong += [
            f"{name}.{public}"
            for public in module.__all__
            if public in inside and not inspect.ismodule(getattr(module, public))
        ]
    assert not wrong, f"rename the module or the function: {', '.join(wrong)}"


def test_a_name_stands_for_one_thing():
    """Public classes, functions and constants of all modules have names of their own."""
    homes = {}
    for path in SOURCES:
        if path.is_relative_to(ROOT / "package"):
            continue  # commands are called like the functions that they call
        names = set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    names.add(name)
                case ast.Assign(targets=targets):
                    names |= {target.id for target in targets if isinstance(target, ast.Name)}
                case ast.AnnAssign(target=ast.Name(id=name)):
                    names.add(name)
        for name in names:
            if not name.startswith("_"):
                homes.setdefault(name, []).append(path.relative_to(ROOT).as_posix())
    shared = {name: files for name, files in homes.items() if len(files) > 1}
    assert not shared


VAGUE = {"found", "what", "where", "each", "chosen"}
FEW_LINES = 5
#: Parameters of the public interface, whose names users write.
SPOKEN = {("imitate", "what")}


def test_variables_say_what_they_hold():
    """Words that fit anything are left to variables that live for a few lines."""
    vague = []
    for path in SOURCES:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            lines = {}
            for node in ast.walk(function):
                name = getattr(node, "id", getattr(node, "arg", None))
                if isinstance(node, ast.Name | ast.arg) and name in VAGUE:
                    lines.setdefault(name, []).append(node.lineno)
            vague += [
                f"{path.relative_to(ROOT)}:{min(at)}: {name}"
                for name, at in lines.items()
                if max(at) - min(at) > FEW_LINES and (function.name, name) not in SPOKEN
            ]
    assert not vague
