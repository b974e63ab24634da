"""Models and providers: what gateways, engines, the Hugging Face Hub and price lists know, put together."""
