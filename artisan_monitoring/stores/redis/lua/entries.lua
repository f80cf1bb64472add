-- Return entries behind the id ARGV[1], of about ARGV[2] bytes. KEYS: inbox.
return entries_behind(KEYS[1], ARGV[1], tonumber(ARGV[2]))
