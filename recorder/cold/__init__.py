"""The cold store: finished segments in a bucket, where they stay readable when the disk has them no longer."""
