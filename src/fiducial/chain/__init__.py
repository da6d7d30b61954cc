"""The knowledge of the chain: variables, products, requirements, dependencies, and what degrades when a link fails."""
