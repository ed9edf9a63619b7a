"""What a recording holds, as tables: over HTTP, as a folder of files, and as MCAP."""

import os

# Arrow takes its allocator from the environment, as it is loaded. Its own keeps memory for each thread that ever made a
# table, in a region that the kernel makes of huge pages: 80 MiB after half an hour, and never less. The C library's
# gives it back (server/memory.py), and is as fast here.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
