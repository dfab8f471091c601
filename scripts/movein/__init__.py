"""The parts of scripts/move-in, each of which knows only those above it:

payload      what DUMP gives, made to suit another release
wire         a server or cluster: connections, pipelines, the slots of keys, what it is
values       values read, written and compared by commands, where DUMP and RESTORE don't do
definitions  indexes, aliases, synonyms, dictionaries, functions and users
names        what has no command that lists it, from the head of a replica's stream
follow       keys that change meanwhile, by keyspace notifications
copying      the copying itself
verify       both sides held against each other
report       what is said while it runs, and what is left to say
"""
