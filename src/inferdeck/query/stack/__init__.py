"""The questions about the stack itself: what runs where, on which card, behind which public name."""
