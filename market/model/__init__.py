"""The model: the substrate's rules, the simulator that runs them, its checkpoint and its published figures."""
