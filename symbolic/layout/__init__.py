"""How formulas are spelled: a tree of what is written, a renderer a format; knows no diagrams."""
