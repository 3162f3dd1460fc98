"""Numbers for contractions: plug-in values, unbiased values, jackknives; knows no weight."""
