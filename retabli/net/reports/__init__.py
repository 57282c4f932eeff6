"""Medical reports on their way to the prescriber: handed over, mailed in an IHE XDM archive, answered."""
