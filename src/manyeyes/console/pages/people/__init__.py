"""Who is known, and which unknown faces were seen: three pages."""
