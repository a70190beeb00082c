"""Measurements of smol_dev, one script a section of docs/benchmarks.md: `python -m benchmarks.NAME`."""
