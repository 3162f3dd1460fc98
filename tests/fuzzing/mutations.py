"""Values, JSON data, text and bytes as nobody should write them."""

import copy
import json
import math
import random

#: Numbers as text that some door may read too eagerly.
NUMBERS = (
    *("0", "-1", "1", "2", "3", "7", "-0", "+2", "1/2", "-7/3", "1/0", "0/0", "0.05", ".5", "5."),
    *("1e3", "1e-3", "1e308", "-1e308", "1e309", "1e-400", "1e999999999", "1e-999999999", "1E+99"),
    *("10**18", "1000000000000000000", "18446744073709551616", "9" * 40, "9" * 5000, "1/" + "9" * 5000),
    *("nan", "NaN", "inf", "-inf", "Infinity", "true", "True", "None", "null", "0x10", "0b1", "1_000"),
    *("0,05", "0.1,0.2", "1,", ",1", "٣", "½", "1 2", "", " ", "1j", "T", "eta", "=", "1e", "--", "-"),
)  # fmt: skip

#: Values that JSON can hold.
VALUES = (
    *(None, True, False, 0, 1, -1, 2, 3, 0.5, -0.0, 1e300, -1e300, 1e-300, math.nan, math.inf),
    *(10**9, 10**18, -(10**18), 10**400, 2**31, 2**63, 2**64),
    *("", "0", "1", "-1", "1/2", "1/0", "T", "moment", "loss", "x" * 10_000, "9" * 10_000, "\0", "ü"),
    *([], {}, [[]], [1], [True], [None], ["1"], {"": 0}, {"name": "sgd"}, [[1, 2], [3]], [10**9]),
)  # fmt: skip

#: Numbers and arrays for arguments of functions.
WILD = (
    *(None, True, 0, 1, -1, 2, 3, 5, 10**7, 10**9, 10**18, -(10**18), 10**400, 0.5, -0.5, 2.0),
    *(1e308, -1e308, 1e-320, math.nan, math.inf, -math.inf, "1", "1e999999999", "nan", "", "T", 1j),
)  # fmt: skip


def number(rng: random.Random, *good: str) -> str:
    """Return a number as text: mostly one of the good ones."""
    return rng.choice(good) if good and rng.random() < 0.6 else rng.choice(NUMBERS)


def mutated_text(rng: random.Random, text: str, alphabet: str = "") -> str:
    """Return text with a few pieces removed, doubled, exchanged or replaced."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        i, j = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        j = min(j, i + rng.choice((1, 1, 2, 5, 50)))
        piece = rng.choice(
            (
                "",
                text[i:j] * 2,
                text[i:j][::-1],
                rng.choice(NUMBERS),
                rng.choice(alphabet or "()-.,:=/ \n\t\0é{}[]\"'0123456789abcT"),
                text[i:j] * rng.choice((3, 50, 2000)),
            )
        )
        text = (text[:i] + piece + text[j:])[:200_000]
    return text


def mutated_bytes(rng: random.Random, content: bytes) -> bytes:
    """Return bytes with a few of them changed, removed, added, or in another encoding."""
    way = rng.randrange(8)
    if way == 0:
        return content[: rng.randrange(len(content) + 1)]
    if way == 1:
        return rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0", b"PK")) + content
    if way == 2:
        return content + bytes(rng.randrange(256) for _ in range(rng.choice((1, 3, 100))))
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if changed:
            i = rng.randrange(len(changed))
            changed[i : i + rng.choice((0, 1, 1, 1, 4))] = bytes([rng.randrange(256)])
    return bytes(changed)


def mutated_json(rng: random.Random, text: str) -> str:
    """Return JSON with a few entries replaced, removed, added, renamed or moved; or broken text."""
    if rng.random() < 0.15:
        return mutated_text(rng, text)
    data = json.loads(text)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = _changed(rng, data)
    if rng.random() < 0.03:
        deep = rng.choice((30, 900, 100_000))
        return "[" * deep + json.dumps(data) + "]" * deep
    return json.dumps(data)


def _changed(rng, data):
    homes = [h for h in _homes(data) if h]
    if not homes or rng.random() < 0.02:
        return copy.deepcopy(rng.choice(VALUES))
    home = rng.choice(homes)
    keys = list(home) if isinstance(home, dict) else range(len(home))
    key = rng.choice(keys)
    way = rng.randrange(8)
    if way <= 2:
        home[key] = copy.deepcopy(rng.choice(VALUES))
    elif way == 3:
        del home[key]
    elif way == 4 and isinstance(home, dict):
        home[rng.choice((key + "s", key.upper(), "typo", "", "name"))] = home.pop(key)
    elif way == 5 and isinstance(home, list):
        home[key:key] = copy.deepcopy([home[key]] * rng.choice((1, 2, 60)))
    elif way == 6 and isinstance(home[key], str):
        home[key] = mutated_text(rng, home[key])
    elif way == 6 and type(home[key]) in (int, float):
        home[key] = rng.choice(
            (-home[key], home[key] + 1, home[key] * 10**9, _third(home[key]), str(home[key]))
        )
    else:
        home[key] = copy.deepcopy(rng.choice([rng.choice(homes), *VALUES]))
    return data


def _third(number):
    # Whole numbers beyond floats stay whole.
    return number // 3 if abs(number) > 10**300 else number / 3


def _homes(data):
    """Yield all objects and lists."""
    if isinstance(data, dict | list):
        yield data
        for value in data.values() if isinstance(data, dict) else data:
            yield from _homes(value)
