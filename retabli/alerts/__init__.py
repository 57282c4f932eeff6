"""How people are told: which channels, in which words, by which road, and again until a channel has accepted."""
