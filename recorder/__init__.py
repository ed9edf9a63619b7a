"""The recorder: keeps a market's messages in segments, knows what is kept, and repairs what a crash left."""
