"""What the mapper costs, beside what you would have written by hand. ``python -m benchmarks``."""
