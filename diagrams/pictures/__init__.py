"""Pictures of diagrams: one layout, a writer for every format."""
