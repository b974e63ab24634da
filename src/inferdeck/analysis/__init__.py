"""Pure functions on figures: what they come to, without asking anybody."""
