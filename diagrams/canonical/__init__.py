"""The canonical form of one decorated tree; knows nothing of how diagrams are enumerated."""
