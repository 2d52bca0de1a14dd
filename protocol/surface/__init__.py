"""Volatility surfaces: raw SVI, its calibration, static arbitrage and a reference model."""
