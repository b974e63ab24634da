"""Values that several layers share; the standard library alone at run time."""
