"""Third parties behind Protocols; types of a provider's SDK are used nowhere else."""
