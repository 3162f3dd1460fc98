"""Re-summed formulas in numbers: eigenbasis, dressed counts, drift; knows no landscape."""
