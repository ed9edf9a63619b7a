"""The recorder: keeps a market's messages in segments, knows what is kept, mends what a crash left."""
