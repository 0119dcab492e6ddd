"""Training the aesthetic head: votes, embeddings, the closed form, the network, and what all of them are worth."""
