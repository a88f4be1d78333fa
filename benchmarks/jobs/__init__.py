"""What it costs to have background work queued, and how fast webhooks leave."""
