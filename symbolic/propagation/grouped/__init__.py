"""Sums over steps by groups of nodes that are placed together; does not know where rows come from."""
