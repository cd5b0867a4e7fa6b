"""Static vectors: one for each word, trained from text, read from files and asked for neighbours and analogies."""
