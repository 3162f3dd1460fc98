"""What all formulas on paper share: coefficients, rounded numbers, widths of pages; knows no diagram."""
