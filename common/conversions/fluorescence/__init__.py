"""Public sets of fluorescence images, BBBC038 too, most of which is: one reader a file, found by its name."""
