"""One page of HTML on a question: diagrams, formulas, numbers; derives and evaluates nothing itself."""
