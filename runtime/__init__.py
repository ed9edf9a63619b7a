"""What every process runs on: supervised tasks, threads, the database off the loop, client addresses, errors."""
