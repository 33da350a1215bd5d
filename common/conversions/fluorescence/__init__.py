"""Public sets of fluorescence images: one reader a file, found by its file name."""
