"""`mlmon run`: cycles that judge what is new, one at a time, and log themselves as a job."""
