"""One segment: its name, its lines and zstd frames, how it is written, read, scanned and repaired."""
