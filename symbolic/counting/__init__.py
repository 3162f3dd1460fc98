"""The weight of a diagram for a way to train; does not know what the diagram is worth."""
