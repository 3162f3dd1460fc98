"""When and how the factors of an observable are read; does not know what they are worth."""
