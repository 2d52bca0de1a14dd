"""The groups of commands; each module owns one, `protocol.cli` puts them together."""
