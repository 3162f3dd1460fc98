"""The page of a report in a real browser: by mouse, keyboard and screen reader, and on paper."""

import io
import json
import re
from fractions import Fraction
from itertools import islice, pairwise

import pytest
from sympy import Symbol, simplify
from sympy.parsing.sympy_parser import (
    convert_xor,
    implicit_multiplication,
    parse_expr,
    standard_transformations,
)

from sgdiagrams import make_report
from sgdiagrams.diagrams import enumerate_diagrams
from sgdiagrams.report import page as page_module
from sgdiagrams.report.page import page_of

expect = pytest.importorskip("playwright.sync_api").expect

# A model whose answers can be told by hand: a geometric series in eta T/10, and its sum.
MODEL = """
"use strict";
function series({ eta, T, B }) {
  const x = eta * T / 10;
  const orders = [0, 1, 2, 3].map((k) => ({ value: 2 * (-x) ** k, error: 0.01 * k / B }));
  const fits = x <= 0.5;
  const words = fits ? "trustworthy: orders fall" : "diverging: orders grow";
  const plain = {
    name: "plain", orders, value: orders.reduce((sum, order) => sum + order.value, 0), error: 0.06 / B,
    truncation: 2 * x ** 4, trustworthy: fits, verdict: `${words} like ${x.toFixed(2)}^k`,
  };
  const resummed = {
    name: "re-summed", orders: [{ value: 2, error: 0 }, { value: 2 / (1 + x) - 2, error: 0 }],
    value: 2 / (1 + x), error: 0, truncation: 0.001, trustworthy: true,
    verdict: "trustworthy: orders fall like 0.10^k",
  };
  return { series: [plain, resummed], recommended: fits ? "plain" : "re-summed", refused: null };
}
var sgdiagrams = { predictor: ({ limit }) => (settings) => {
  if (limit % settings.B === 0) return series(settings);
  const refused = `B: expected a divisor of N=${limit}, got B=${settings.B}`;
  return { series: [], recommended: "neither", refused };
} };
"""


def slider(name, label, value, most, **more):
    return {
        "name": name, "label": label, "minimum": 1, "maximum": most, "value": value, "step": 1,
        "whole": True, "logarithmic": False,
    } | more  # fmt: skip


SLIDERS = [
    slider("eta", "learning rate", 0.1, 1, minimum=0.001, step=None, whole=False, logarithmic=True),
    slider("T", "updates T", 10, 1000, logarithmic=True),
    slider("B", "batch size B", 2, 64),
]
NUMBERS = {
    "sliders": SLIDERS, "observable": "test loss", "limit": 60, "notes": ["From 60 datapoints."],
    "refused": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def data():
    return make_report("training-loss", order=3, sampling="epochs").data


@pytest.fixture(scope="module")
def plain(data):
    """The page without numbers."""
    return page_of(data)


@pytest.fixture(scope="module")
def few():
    return make_report("training-loss", order=2, sampling="epochs").data


@pytest.fixture(scope="module")
def numbers(few):
    """The page with numbers, from the model above."""
    return page_with(MODEL, few | {"numbers": NUMBERS})


def page_with(model, data):
    read = page_module._asset
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            page_module, "_asset", lambda name: model if name == "model.js" else read(name)
        )
        return page_of(data)


def rows_shown(page):
    return page.locator("tbody tr[role=row]:visible code").all_inner_texts()


def choose(page, label, value):
    page.get_by_role("combobox", name=label, exact=True).select_option(value)


def figures(page):
    """The values with errors, of the plain and of the re-summed series."""
    return [text.replace("−", "-") for text in page.locator(".figure").all_inner_texts()]


def move(page, name, presses, key="ArrowRight"):
    handle = page.get_by_role("slider", name=name)
    handle.focus()
    for _ in range(presses):
        page.keyboard.press(key)


def test_table_has_all_diagrams(pages, plain, data):
    page = pages.open(plain)
    assert rows_shown(page) == [row["text"] for row in data["diagrams"]]
    assert page.get_by_role("status").first.inner_text() == f"{len(data['diagrams'])} diagrams"
    first = data["diagrams"][4]
    row = page.get_by_role("row").filter(has=page.get_by_text(first["text"], exact=True))
    assert row.locator("svg").count() == 1
    assert row.locator("math").count() == 2
    assert str(first["symmetry_factor"]) in row.inner_text()
    assert not page.get_by_role("slider").count()


def test_filters_and_search(pages, plain, data):
    page = pages.open(plain)
    rows = data["diagrams"]
    choose(page, "Order", "3")
    assert rows_shown(page) == [row["text"] for row in rows if row["order"] == 3]
    choose(page, "Blocks", "2")
    choose(page, "Root", "true")
    kept = [r for r in rows if r["order"] == 3 and r["blocks"] == 2 and r["tied"]]
    assert rows_shown(page) == [row["text"] for row in kept]
    assert page.locator("#how-many").inner_text() == f"{len(kept)} of {len(rows)} diagrams"
    page.get_by_role("button", name="Clear").first.click()
    assert len(rows_shown(page)) == len(rows)
    choose(page, "Ties", "false")
    assert rows_shown(page) == [r["text"] for r in rows if r["blocks"] == r["order"] + 1]
    choose(page, "Ties", "")
    choose(page, "Links", "2")
    assert rows_shown(page) == [r["text"] for r in rows if r["links"] == 2]
    choose(page, "Links", "")
    choose(page, "In one pass", "false")
    assert rows_shown(page) == [r["text"] for r in rows if not r["one_pass"]]
    choose(page, "In one pass", "")
    search = page.get_by_role("searchbox", name="Search")
    search.fill("h_ab J")
    kept = [r["text"] for r in rows if "H_ab" in r["value"]["text"] and "J" in r["value"]["text"]]
    expect(page.locator("#table tbody tr:not([hidden])")).to_have_count(len(kept))
    assert rows_shown(page) == kept
    search.fill("no such thing")
    page.get_by_text("No diagram is like this.").wait_for()
    page.get_by_role("button", name="Clear the filters").click()
    assert len(rows_shown(page)) == len(rows)


def test_sorting(pages, plain, data):
    page = pages.open(plain)
    heading = page.get_by_role("columnheader", name="Symmetry factor")
    heading.get_by_role("button").click()
    by_size = sorted(data["diagrams"], key=lambda row: row["symmetry_factor"])
    assert rows_shown(page) == [row["text"] for row in by_size]
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").click()
    by_size = sorted(data["diagrams"], key=lambda row: -row["symmetry_factor"])
    assert rows_shown(page) == [row["text"] for row in by_size]
    assert heading.get_attribute("aria-sort") == "descending"
    assert page.locator("th[aria-sort]").count() == 1


def test_sliders_redraw(pages, numbers):
    page = pages.open(numbers)
    # x = 1/10: 2 (1 - x + x^2 - x^3) = 1.818, and 2/(1 + x).
    assert figures(page) == ["1.818 ± 0.030", "1.8182"]
    curve = page.locator(".chart path.curve.plain.trusted")
    assert curve.count() == 2
    against_eta, against_T = (curve.nth(i).get_attribute("d") for i in range(2))
    move(page, "updates T", 3)
    T = int(page.get_by_role("textbox", name="updates T").input_value())
    assert T > 10
    x = Fraction(T, 100)
    wanted = float(2 * (1 - x + x**2 - x**3))
    assert figures(page)[0] == f"{wanted:.3f} ± 0.030"
    assert page.get_by_role("slider", name="updates T").get_attribute("aria-valuetext") == str(T)
    # The curve against T is as before, only its mark has moved.
    expect(curve.first).not_to_have_attribute("d", against_eta)
    assert curve.nth(1).get_attribute("d") == against_T


def test_where_the_judge_stops_trusting(pages, numbers):
    page = pages.open(numbers)
    # x = eta, with T = 10: the plain series is trusted up to 1/2.
    trust = page.locator(".trust").first.inner_text()
    told = float(re.search(r"Plain series trusted up to η = ([\d.]+)", trust)[1])
    assert told == pytest.approx(0.47, rel=0.07)
    assert "Re-summed series trusted all over" in trust
    page.get_by_role("textbox", name="updates T").fill("100")
    page.get_by_text("Diverging: orders grow like 1.00").wait_for()
    assert page.locator(".verdict").nth(1).get_by_text("recommended").count() == 1
    told = page.locator(".trust").first
    assert float(re.search(r"up to η = ([\d.]+)", told.inner_text())[1]) == pytest.approx(
        0.047, rel=0.07
    )
    assert page.locator(".chart path.curve.plain.untrusted").count() == 2
    assert page.locator(".chart path.partial.plain").count() == 4  # orders 1 and 2, in two charts
    assert page.locator(".chart .band.errors.plain path").count() == 2
    missing = page.locator(".chart .band.missing.plain path")
    assert missing.count() == 2
    assert missing.first.get_attribute("d").endswith("Z")
    page.get_by_role("checkbox", name="± what is missing").uncheck()
    assert missing.count() == 0
    page.get_by_role("checkbox", name="sums of fewer orders").uncheck()
    assert page.locator(".chart path.partial").count() == 0


def test_the_setting_of_the_moment_is_on_the_curve(pages, numbers):
    page = pages.open(numbers)
    page.get_by_role("textbox", name="learning rate").fill("0.49")
    assert page.locator(".verdict.plain").get_by_text("Trustworthy").count() == 1
    expect(page.locator(".trust").first).to_contain_text("Plain series trusted up to η = 0.49")


def test_numbers_below_an_axis_keep_apart(pages, few):
    wide = NUMBERS | {"sliders": [SLIDERS[0] | {"minimum": 0.0001}, *SLIDERS[1:]]}
    page = pages.open(page_with(MODEL, few | {"numbers": wide}))
    places = page.locator(".chart").first.locator(".axes text[text-anchor=middle]").all()
    boxes = [place.bounding_box() for place in places]
    assert len(boxes) > 2
    for one, other in pairwise(boxes):
        assert one["x"] + one["width"] < other["x"]


def test_curves_have_the_scale_of_their_axes(pages, numbers):
    page = pages.open(numbers)
    chart = page.locator(".chart").first
    ticks = [
        (float(text.replace("−", "-")), float(tick.get_attribute("y")))
        for tick in chart.locator(".axes text[text-anchor=end]:not(.axis-name)").all()
        if (text := tick.text_content())
    ]
    (one, y1), (other, y2) = ticks[0], ticks[-1]
    per_pixel = (other - one) / (y2 - y1)

    def places(path):
        return [tuple(map(float, xy.split())) for xy in re.findall(r"[-\d.]+ [-\d.]+", path)]

    band = places(chart.locator(".band.errors.plain path").get_attribute("d"))
    (x, upper), (left, lower) = band[0], band[-1]
    assert x == left
    assert abs((upper - lower) * per_pixel) == pytest.approx(4 * 0.03, rel=0.02)
    # At the least learning rate x = 1/1000, and the sum of orders 0 and 1 is 2 - 2 x.
    curve = places(chart.locator("path.curve.plain.trusted").get_attribute("d"))
    assert one + (curve[0][1] - (y1 - 4)) * per_pixel == pytest.approx(2 - 0.002 + 2e-6, abs=0.003)
    first = places(chart.locator("path.partial.plain").first.get_attribute("d"))
    assert [x for x, _ in first] == [x for x, _ in band[: len(first)]]
    x, y = first[-1]
    assert one + (y - (y1 - 4)) * per_pixel == pytest.approx(0, abs=0.02)  # x = 1


def test_typed_numbers(pages, numbers):
    page = pages.open(numbers)
    box = page.get_by_role("textbox", name="learning rate")
    box.fill("1/5")
    assert figures(page)[1] == "1.6667"
    assert page.get_by_role("slider", name="learning rate").get_attribute("aria-valuetext") == "0.2"
    for wrong in ("one half", "", "-3", "1/0", "0"):
        box.fill(wrong)
        line = page.get_by_role("alert").filter(has_text="eta: expected a number")
        assert "\n" not in line.inner_text()
        assert box.get_attribute("aria-invalid") == "true"
        assert figures(page)[1] == "1.6667"
    size = page.get_by_role("textbox", name="batch size B")
    size.fill("2.5")
    assert page.get_by_role("alert").filter(has_text="B: expected a whole number").count() == 1
    size.fill("61")
    assert (
        page.get_by_role("alert").filter(has_text="B: expected a divisor of N=60, got B=61").count()
        == 1
    )
    size.fill("60")
    assert page.locator("[aria-invalid=true]").count() == 0
    assert figures(page)[0] == "1.6640 ± 0.0010"
    # Beyond the end of the slider, where the model has nothing against it.
    page.get_by_role("textbox", name="updates T").fill("2000")
    assert figures(page)[1] == f"{2 / 41:.5f}".rstrip("0")
    page.get_by_role("button", name="Reset").click()
    assert figures(page) == ["1.818 ± 0.030", "1.8182"]


def test_sliders_step_over_what_is_refused(pages, numbers):
    page = pages.open(numbers)
    box = page.get_by_role("textbox", name="batch size B")
    handle = page.get_by_role("slider", name="batch size B")
    steps = []
    for key in ("ArrowRight",) * 6 + ("ArrowLeft", "End", "ArrowLeft"):
        move(page, "batch size B", 1, key)
        steps.append(int(box.input_value()))
        assert handle.get_attribute("aria-valuetext") == box.input_value()
    assert steps == [3, 4, 5, 6, 10, 12, 10, 60, 30]
    # Against B there are values at the divisors alone.
    page.get_by_role("combobox", name="Second curve against").select_option("B")
    expect(page.locator(".chart").nth(1).locator("circle.point.plain")).to_have_count(12)


def test_pulling_in_a_chart(pages, numbers):
    page = pages.open(numbers, height=1400)
    chart = page.locator(".chart").first
    box = chart.bounding_box()
    chart.click(position={"x": 0.8 * box["width"], "y": box["height"] / 2})
    eta = float(page.get_by_role("textbox", name="learning rate").input_value())
    assert 0.1 < eta < 1


def test_contributions(pages, numbers):
    page = pages.open(numbers)
    table = page.get_by_role("table", name="Contributions, order by order")
    heads = table.get_by_role("columnheader").all_inner_texts()
    assert heads == [
        "Series",
        "Order 0",
        "Order 1",
        "Order 2",
        "Order 3",
        "Sum",
        "Standard error",
        "Missing",
    ]
    cells = table.get_by_role("row", name="Plain series").get_by_role("cell").all_inner_texts()
    assert cells[:4] == ["2", "−0.2 ± 0.005", "0.02 ± 0.01", "−0.002 ± 0.015"]
    assert cells[4:] == ["1.818", "0.03", "2·10⁻⁴" if cells[6].startswith("2·") else "0.0002"]


def test_keyboard_alone(pages, numbers):
    page = pages.open(numbers)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the diagrams"
    expect(page.locator(".skip")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("(0-1)(01)")
    expect(page.locator("#table tbody tr:not([hidden])")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert {row.count("-") for row in rows_shown(page)} == {0}
    # Every stop on the way is seen.
    page.reload()
    page.wait_for_selector("#table:not([aria-busy])")
    stops = []
    for _ in range(120):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => {
              const at = document.activeElement;
              const seen = at.type === 'radio' ? at.nextElementSibling : at;
              const style = getComputedStyle(seen);
              const width = style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth);
              return [at.id || at.textContent, width >= 2];
            }"""
        )
        if page.evaluate("document.activeElement === document.body"):
            break
        stops.append(stop)
    assert [name for name, is_seen in stops if not is_seen] == []
    names = [name for name, _ in stops]
    assert {"search", "filter-order", "filter-one_pass"} <= set(names)
    assert {"slide-eta", "type-eta", "slide-T", "type-T", "reset"} <= set(names)


def tree(page):
    """The accessibility tree as a screen reader gets it: roles, names."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored")
    ]


@pytest.mark.parametrize("width", [1280, 360])
def test_accessibility_tree(pages, numbers, few, width):
    page = pages.open(numbers, width=width)
    nodes = tree(page)
    named = {"button", "textbox", "searchbox", "slider", "combobox", "radio", "checkbox", "link", "image",
             "table", "region", "form", "heading", "rowheader", "alert"} - {"alert"}  # fmt: skip
    assert [node for node in nodes if node[0] in named and not node[1].strip()] == []
    roles = [role for role, _ in nodes]
    assert {"banner", "main", "contentinfo", "navigation", "search", "status"} <= set(roles)
    names = [name for role, name in nodes if role == "rowheader"]
    assert set(names) >= {row["text"] for row in few["diagrams"]}
    assert roles.count("table") == 2
    assert ("slider", "learning rate") in nodes
    assert any(
        role == "image" and "Test loss against learning rate" in name for role, name in nodes
    )
    headings = [name for role, name in nodes if role == "heading"]
    assert headings[:2] == [few["title"], "Closed form"]
    assert {"Numbers", "Diagrams", "Plain series", "Re-summed series"} <= set(headings)
    assert page.locator("html").get_attribute("lang") == "en"


def test_spoken_once_sliders_rest(pages, numbers):
    page = pages.open(numbers)
    move(page, "batch size B", 2)
    spoken = page.locator("#spoken")
    expect(page.locator("#spoken")).to_contain_text("B 4")
    words = spoken.inner_text()
    assert spoken.get_attribute("role") == "status"
    assert "Plain series: 1.818 ± 0.015, trustworthy" in words
    assert "Plain series recommended." in words


# Over all texts: the ratio of contrast of WCAG 2, 4.5 for small and 3 for large letters.
CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [R, G, B] = [r, g, b].map((c) => linear(c / 255));
    return 0.2126 * R + 0.7152 * G + 0.0722 * B;
  };
  const paper = (at) => {
    for (; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const known = new Set();
  while (walker.nextNode()) {
    const at = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || known.has(at) || !at.checkVisibility()) continue;
    known.add(at);
    if (at.closest('script, style, :disabled, option')) continue;
    const style = getComputedStyle(at);
    const ink = rgb(at.closest('svg') ? style.fill : style.color);
    const [one, other] = [light(ink), light(paper(at))].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < (large ? 3 : 4.5)) bad.push([at.textContent.slice(0, 40), ratio]);
  }
  return [bad, known.size];
}"""


def picture(page, **options):
    """The screen as an array of floats."""
    from matplotlib.image import imread

    return imread(io.BytesIO(page.screenshot(**options)))[..., :3]


def test_light_and_dark(pages, numbers):
    light = pages.open(numbers, color_scheme="light")
    dark = pages.open(numbers, color_scheme="dark")
    assert picture(light).mean() > 0.85
    assert picture(dark).mean() < 0.25
    for page in (light, dark):
        bad, seen = page.evaluate(CONTRAST)
        assert seen > 200
        assert bad == []
        drawn = page.locator("tbody svg").nth(4)
        drawn.scroll_into_view_if_needed()
        seen = picture(page, clip=drawn.bounding_box())
        assert seen.max() - seen.min() > 0.7  # lines are told from the paper
    dark.get_by_role("radio", name="Light").check()
    assert picture(dark).mean() > 0.85
    assert dark.evaluate(CONTRAST)[0] == []
    light.get_by_role("radio", name="Dark").check()
    assert picture(light).mean() < 0.25
    assert light.evaluate(CONTRAST)[0] == []
    light.reload()
    light.wait_for_selector("#table:not([aria-busy])")
    assert light.get_by_role("radio", name="Dark").is_checked()
    assert picture(light).mean() < 0.25


def test_a_long_word_is_broken(pages):
    page = pages.open(make_report(order=1, title="x" * 500).html(), width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("width", [360, 1600])
def test_every_width(pages, numbers, width):
    page = pages.open(numbers, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    seen = picture(page, full_page=True)
    assert seen.shape[1] == width
    # No part of the page is blank: each has ink somewhere.
    for part in (
        "#title",
        "#formulas",
        ".chart >> nth=0",
        ".chart >> nth=1",
        "#orders",
        "#diagrams",
    ):
        box = page.locator(part).bounding_box()
        x, y = max(int(box["x"]), 0), int(box["y"])
        inked = seen[y : y + int(box["height"]), x : x + int(box["width"])]
        assert inked.min() < 0.4, part
    targets = page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, summary, nav a')]
        .filter((e) => e.checkVisibility())
        .map((e) => [e.id || e.textContent, (e.closest('label') ?? e).getBoundingClientRect().height])
        .filter(([, height]) => height < 24)"""
    )
    assert targets == []


def test_on_paper(pages, numbers, few):
    page = pages.open(numbers, color_scheme="dark")
    choose(page, "Order", "1")
    assert len(rows_shown(page)) == 2
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 28, 26)"
    assert rows_shown(page) == [row["text"] for row in few["diagrams"]]  # all rows
    for control in (
        "#filters",
        "nav",
        "#colours",
        "#legend",
        "input[type=range] >> nth=0",
        "#sort",
    ):
        assert not page.locator(control).is_visible()
    assert page.locator("#type-eta").is_visible()
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 3


def test_reduced_motion(pages, plain):
    page = pages.open(plain, reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.skip')).transitionDuration")
        == "0s"
    )


def test_texts_are_no_markup(pages, data):
    bad = "</script><img src=x onerror=alert(1)><!--<script>"
    row = data["diagrams"][1] | {
        "text": f"(0-1)(01){bad}",
        "svg": "<svg><script>alert(1)</script></svg>",
    }
    row["value"] = {
        "text": bad,
        "mathml": "<math><mi href='javascript:alert(1)'>x</mi></math>",
    }
    page = pages.open(
        page_of(data | {"title": bad, "question": {"observable": bad}, "diagrams": [row]})
    )
    assert page.title() == bad
    assert rows_shown(page) == [row["text"]]
    assert page.locator("img, tbody script, [onclick], [onerror]").count() == 0


# What would break the policy, and the directive that forbids it.
FORBIDDEN = {
    "fetch('https://example.org').catch(() => 0)": "connect-src",
    "new Image().src = 'https://example.org/x.png'": "img-src",
    "document.body.setAttribute('style', 'color: red')": "style-src-attr",
    "document.body.setAttribute('onclick', '0'); document.body.click()": "script-src-attr",
    "added('script', { text: '0' })": "script-src-elem",
    "added('style', { textContent: 'p {}' })": "style-src-elem",
    "added('base', { href: '/' })": "base-uri",
}


def test_policy(pages, plain):
    page = pages.open(plain)
    for action, directive in FORBIDDEN.items():
        told = page.evaluate(
            f"""() => new Promise((done) => {{
              const added = (name, has) =>
                document.head.append(Object.assign(document.createElement(name), has));
              const heard = (event) => done(event.effectiveDirective);
              addEventListener('securitypolicyviolation', heard, {{ once: true }});
              setTimeout(() => done('allowed'), 2000);
              {action};
            }})"""
        )
        assert told == directive, action
    pages.said.clear()  # the browser complains of each
    pages.asked[1:] = []  # of what was asked for and refused


def test_many_rows(pages, data):
    pictures = {row["order"]: row for row in data["diagrams"]}
    rows = [
        pictures[3] | {"text": str(diagram), "order": 5, "blocks": len(diagram.blocks)}
        for diagram in islice(enumerate_diagrams(5), 300)
    ]
    page = pages.open(page_of(data | {"diagrams": rows}))
    assert page.get_by_role("status").first.inner_text() == f"{len(rows)} diagrams"
    assert page.locator("tbody svg").count() == len(rows)
    choose(page, "Blocks", "2")
    assert rows_shown(page) == [row["text"] for row in rows if row["blocks"] == 2]


def test_formula_has_its_source(pages, plain, data):
    page = pages.open(plain)
    region = page.get_by_role("region", name="Closed form, Plain series")
    assert region.locator("math").count() > 10
    page.get_by_text("LaTeX", exact=True).click()
    assert (
        page.get_by_label("LaTeX").inner_text().strip()
        == data["formulas"]["plain"]["latex"].strip()
    )


def test_how_to_read_a_diagram_is_true(pages, plain, data):
    page = pages.open(plain)
    page.get_by_text("How to read a diagram").click()
    notes = page.locator("#notes").inner_text()
    assert "with a factor −η for every edge" in notes
    assert "1/B for every edge" in notes

    def read(text):
        rules = (*standard_transformations, implicit_multiplication, convert_xor)
        names = {name: Symbol(name) for name in ("E", "N", "B")}
        return parse_expr(text, local_dict=names, transformations=rules)

    for row in data["diagrams"]:
        share = (-1 / Symbol("B")) ** row["order"] / row["symmetry_factor"]
        assert simplify(read(row["coefficient"]) - share * read(row["count"]["text"])) == 0, row[
            "text"
        ]


def test_data_is_as_it_was_made(pages, plain, data):
    page = pages.open(plain)
    assert json.loads(page.locator("#report-data").inner_text()) == json.loads(json.dumps(data))
