"""Generated tasks about the form of a reply, and the rows of IFEval."""
