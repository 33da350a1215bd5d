"""The app that MONAI Label's server runs: imported in its environment alone, which has `monailabel`."""
