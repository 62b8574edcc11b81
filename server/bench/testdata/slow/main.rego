# METADATA
# title: A policy that counts for as long as it is let
package reseller.main

# METADATA
# title: Whether counting came to an end
# scope: document
default allow := false

allow if count(numbers.range(1, 1000000000 + (0 * count(input.action.name)))) > 0

# METADATA
# title: The decision
# scope: document
decision := {"allow": allow, "reasons": set()}
