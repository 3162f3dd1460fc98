"""The optimisers that have a name; does not know which datapoints they are given."""
