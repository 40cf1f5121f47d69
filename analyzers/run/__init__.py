"""Running the analyzers: engine, findings store, cycles."""
