"""This is where alert and recording rules are: definitions as data, their export, their check and their tests."""
