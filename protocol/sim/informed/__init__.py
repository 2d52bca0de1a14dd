"""Traders who know more than the chain: faster prices, the next surface."""
