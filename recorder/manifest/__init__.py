"""The manifest: one row per segment, the sums of rows, and the manifest.json files made from them."""
