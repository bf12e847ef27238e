"""What is optimised: advantages, losses, KL, reductions, as pure functions."""
