"""Security monitoring: signs of an attack in requests, log-ins and refusals, and who was active. It only observes."""
