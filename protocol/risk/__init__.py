"""What a book can lose, and where its profit came from."""
