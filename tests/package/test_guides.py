"""The pictures in the tutorial and the guides are what is drawn now."""

import importlib.util

from layout import ROOT


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


draw_guides = load(ROOT / "docs" / "draw_guides.py")


def test_pictures_are_up_to_date():
    for name, svg in draw_guides.pictures().items():
        kept = (draw_guides.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        assert kept == svg, "run python docs/draw_guides.py"
