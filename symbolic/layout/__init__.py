"""How formulas are spelled: a tree that says what is written, a renderer for every format."""
