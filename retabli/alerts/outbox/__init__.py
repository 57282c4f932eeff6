"""What gets messages out: each is given to its channel, in order, in a storm together, until it is accepted."""
