"""Everything the nuclei bundles share: readers, transforms, networks, losses, decoders, metrics, handlers and exports."""
