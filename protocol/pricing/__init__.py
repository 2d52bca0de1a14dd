"""Option prices: Black-76 in floats, and the integer twin of the kernel."""
