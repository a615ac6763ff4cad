"""The composition root of a master, its clock, the router of what nodes say, and what one picture asks of the rest."""
