"""Access: tokens that admit a client, how they are issued, presented and checked."""
