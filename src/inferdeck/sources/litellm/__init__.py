"""The LiteLLM proxy, read from its metrics page and its inventory routes; nothing that costs a call."""
