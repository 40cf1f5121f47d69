"""What is found how soon, and how often an alarm is false: seeded timelines with a known truth."""
