"""The manifest: one row a segment, its sums, and the manifest.json files made of it."""
