"""The aesthetic head: its data, embedding, training and evaluation."""
