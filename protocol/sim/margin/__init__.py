"""Traders on margin in the replay, and the auctions of those who fail."""
