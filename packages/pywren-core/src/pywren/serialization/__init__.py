"""Functions, values and the modules they need, as bytes that travel."""
