"""``python -m sgdiagrams`` is the command ``sgdiagrams``."""

from sgdiagrams.commands import main

if __name__ == "__main__":
    main()
