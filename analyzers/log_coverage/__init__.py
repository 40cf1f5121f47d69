"""How much of a service's log arrived, and what missing lines do to a verdict."""
