"""Pictures of characters, for terminals; knows no shape and no format of files."""
