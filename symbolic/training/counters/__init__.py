"""What a counter is, and what counts by number and at roots; does not know samplings."""
