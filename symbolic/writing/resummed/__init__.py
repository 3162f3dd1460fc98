"""Re-summed formulas for people: functions of eigenvalues as layouts; not how formats spell them."""
