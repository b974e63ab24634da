"""The board: what commands and widgets print, side by side on one terminal, each renewed at its own pace."""
