"""Markets to replay: price files, seeded paths, and the flow that trades on them."""
