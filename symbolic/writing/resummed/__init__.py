"""Re-summed formulas for people: functions of eigenvalues, and sums of them."""
