"""manyeyes: one recognition service from the machines you already own."""
