"""The simulated LiteLLM proxy against what the real one was seen to answer."""
