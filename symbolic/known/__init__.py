"""Results of the literature, each derived by one call, with its source; knows no number of a user."""
