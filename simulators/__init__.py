"""Third parties on loopback that speak the real protocols; they import no other package."""
