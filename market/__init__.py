"""The market: its rules, the simulator that runs them, the tick they make, and where ticks come from."""
