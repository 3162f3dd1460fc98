"""What samplings say of themselves, in words of their own; does not know samplings."""
