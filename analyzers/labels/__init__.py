"""The labeled join: what came true, beside what was predicted; one document per prediction."""
