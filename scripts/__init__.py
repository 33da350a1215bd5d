"""Command lines, each run as `python -m scripts.<verb>` from the repository root."""
