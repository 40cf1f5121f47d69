"""Log analytics for a machine-learning service; its packages are the folders next to this one."""
