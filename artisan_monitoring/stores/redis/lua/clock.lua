-- Return the time of the server that has the key.
return redis.call('TIME')
