"""Pictures of decorated trees, one layout for all formats; knows no canonical form."""
