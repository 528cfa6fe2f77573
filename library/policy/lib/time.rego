# METADATA
# title: Time
# description: What holds at the policy's effective time. Never reads a clock.
package lib.time

import rego.v1

now_ns := data.config.policy.when_ns

# A record without expires_on never expires; one whose expires_on cannot be read has.
unexpired(record) if not "expires_on" in object.keys(record)

unexpired(record) if time.parse_rfc3339_ns(record.expires_on) > now_ns

# The entries that hold already, the one with the latest effective_on last. An entry whose date cannot be read holds.
effective(entries) := [entry |
	some pair in sort([[_since(entry), i, entry] |
		some i, entry in entries
		_since(entry) <= now_ns
	])
	entry := pair[2]
]

# All entries, the one with the latest effective_on last.
ordered(entries) := [entry |
	some pair in sort([[_since(entry), i, entry] | some i, entry in entries])
	entry := pair[2]
]

_since(entry) := ns if {
	ns := time.parse_rfc3339_ns(entry.effective_on)
} else := 0
