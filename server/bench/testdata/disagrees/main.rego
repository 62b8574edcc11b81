# METADATA
# title: A policy that denies everything
package reseller.main

# METADATA
# title: Nothing is allowed
# scope: document
default allow := false

allow if input.action.name == "never"

# METADATA
# title: The decision
# scope: document
decision := {"allow": allow, "reasons": {"never"}}
