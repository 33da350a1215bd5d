"""Public sets of sections stained with H&E: one reader a file, found by its name."""
