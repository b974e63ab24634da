"""Files for the programs that show widgets, made from one table, and what puts them in place and takes them away."""
