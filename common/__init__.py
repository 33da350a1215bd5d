"""Everything the nuclei bundles share, from reading files to writing label maps: one folder a kind."""
