"""What a recording holds, as tables: over HTTP, as a folder of files, and as MCAP."""
