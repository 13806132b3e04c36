"""The layers in PyTorch: the default backend."""
