"""The camera: a sliding window over ticks, filmed as structure frames."""
