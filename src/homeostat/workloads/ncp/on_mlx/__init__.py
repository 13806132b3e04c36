"""The layers in MLX: the second backend, and the one to choose on Apple silicon.

Parameters have the names and shapes of the PyTorch layers, so weights pass from one to the other.
"""
