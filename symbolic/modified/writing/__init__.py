"""Modified equations and losses on paper, in files and as source; derives nothing."""
