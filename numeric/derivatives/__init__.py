"""Arrays of derivatives: their checks and their files."""
