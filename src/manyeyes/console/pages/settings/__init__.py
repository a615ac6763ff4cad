"""Keys, roles, threshold, and the settings in force."""
