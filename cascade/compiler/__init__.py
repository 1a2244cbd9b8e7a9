"""From kernels in Python to machine code: their decorators, and how they see the tables of a market."""
