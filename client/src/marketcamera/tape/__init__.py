"""Tapes that `marketcamera record` writes: lines, zstd frames, and how a broken end is repaired."""
