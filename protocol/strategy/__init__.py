"""Pure strategies: a snapshot and a policy in, intents out."""
