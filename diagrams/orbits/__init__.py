"""The partitions of a tree's nodes up to its automorphisms, as arrays; knows no diagram as an object."""
