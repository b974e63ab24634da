"""inferdeck shows what a whole LLM serving stack is doing, what it costs and what is about to break."""

__version__ = "0.1.0"
