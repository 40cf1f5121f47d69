"""The kinds of profiles: what is counted of each dataset."""
