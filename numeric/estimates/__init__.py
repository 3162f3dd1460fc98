"""Plain formulas in numbers: value, error, judgement; knows not how contractions are computed."""
