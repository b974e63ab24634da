"""What programs write: files, the journal, the output of a command."""
