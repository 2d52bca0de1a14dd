"""Option prices: Black-76 in floats, the integer twin of the chain, and 50-digit references."""
