"""What runs a network over data, on the engines of ignite and MONAI; no mathematics."""
