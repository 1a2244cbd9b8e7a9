"""What the shipped scenarios promise, and the figures they gave when someone last looked at them."""
