"""What a token costs: what providers publish (genai-prices) and what a gateway reckons with; docs/prices.md."""
