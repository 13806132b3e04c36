"""Hydra's plugin for `--multirun hydra/sweeper=homeostat`."""
