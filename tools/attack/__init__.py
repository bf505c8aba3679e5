"""Campaigns that attack the engines: kills, forks, interrupts, cancellations, damage, odd input."""
