"""Twilio's Messages resource on loopback: what is sent is kept, and can be read by demo clients."""
