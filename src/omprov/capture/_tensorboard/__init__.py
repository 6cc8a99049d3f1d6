"""TensorBoard's event files: reading them with nothing installed, and importing old ones."""
