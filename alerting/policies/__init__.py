"""When findings become an alert, made of what each analyzer declares."""
