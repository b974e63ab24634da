"""Where a PromQL expression becomes numbers, on one (series x step) matrix per node of its tree."""
