"""The sampling schemes that have a name, and their limits; does not know optimisers."""
