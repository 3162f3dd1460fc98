"""Factors of the learning rate, update by update; does not know what optimisers make of them."""
