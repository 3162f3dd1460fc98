"""The public names of the package and of each room are what users rely on: none may go unnoticed."""

import importlib
from pathlib import Path

import pytest

PAGE = Path(__file__).with_name("public_names.txt")
ROOMS = ("sgdiagrams", "sgdiagrams.diagrams", "sgdiagrams.symbolic", "sgdiagrams.numeric")


def pinned():
    """Return the names of every room as the file has them: a line for the room, then indented names."""
    names, room = {}, ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            names[room].append(line.strip())
        else:
            room = line.strip()
            names[room] = []
    return names


def test_every_room_is_pinned():
    assert tuple(pinned()) == ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_are_pinned(room):
    known, now = set(pinned()[room]), set(importlib.import_module(room).__all__)
    gone, new = sorted(known - now), sorted(now - known)
    assert not gone, (
        f"{room} lost the public names {', '.join(gone)}: keep them, or take them out of {PAGE.name} "
        "and say so in the changelog under 'Removed'"
    )
    assert not new, (
        f"{room} has new public names {', '.join(new)}: add them to {PAGE.name}, in order, and to the "
        "changelog"
    )
    assert pinned()[room] == sorted(known), f"sort the names of {room} in {PAGE.name}"
