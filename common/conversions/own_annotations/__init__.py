"""Annotations of your own, as programs export them: one reader a file, found by its file name."""
