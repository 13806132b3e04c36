"""Models of visual cortex during free viewing, on a simulated experiment whose truth is known."""
