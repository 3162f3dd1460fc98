"""Commands that take a model of the user, or what was measured on one; none knows a formula."""
