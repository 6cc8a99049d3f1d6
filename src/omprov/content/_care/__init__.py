"""What keeps a store small and whole: garbage, usage, damage, the index made anew."""
