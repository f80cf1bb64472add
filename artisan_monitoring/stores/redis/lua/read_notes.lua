-- Return name, age in ms and text of the notes that have not expired; the others go. KEYS: notes of the kind.
return living_notes()
