"""`mlmon doctor`: one line for each thing that mlmon depends on."""
