"""Access: tokens that let a client in, how they are issued, presented and checked."""
