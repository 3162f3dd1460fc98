"""Files of numbers, read with care, and for one process at a time; knows not what the numbers are."""
