"""The terminal's face: drawing (values to rows of cells) and the screens of `inferdeck top`."""
