"""Which equations and losses training follows: read off expansions; derives no diagram of its own."""
