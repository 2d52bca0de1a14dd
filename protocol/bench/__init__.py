"""Measurements: functions that return rows; printing them is the command line's."""
