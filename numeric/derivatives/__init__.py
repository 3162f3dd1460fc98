"""Arrays of derivatives, their checks and their files; knows no formula."""
