"""The tracer: what one short run does, recorded as plain facts."""
