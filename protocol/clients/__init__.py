"""One thin typed class per contract."""
