"""How numbers are drawn: a canvas without settings of the user, curves and bands; not what they mean."""
