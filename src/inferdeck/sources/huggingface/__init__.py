"""The Hugging Face Hub: what is known of the models that the stack serves."""
