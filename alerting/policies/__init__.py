"""Alert policies, made of what each analyzer declares."""
