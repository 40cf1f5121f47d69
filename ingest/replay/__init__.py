"""From a table of past predictions to the events their service would have logged."""
