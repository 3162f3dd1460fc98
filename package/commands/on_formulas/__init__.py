"""Commands that list diagrams and derive formulas; they know no numbers and no model."""
