# METADATA
# title: Areas and access
# description: >-
#   Areas are paths. Access is a map from area to letters; the longest key that
#   is the area or an ancestor of it decides, "*" stands for every other area.
package reseller.areas

import data.reseller.subject

# METADATA
# title: A text can name an area, or a type of rows
# description: >-
#   Words of a to z, 0 to 9, "-" and "_", joined by slashes, at most 200 characters.
#   Nothing else is an area: not even a default access or a wide ceiling lets it in.
valid(name) if {
	is_string(name)
	count(name) <= 200
	regex.match(`^[a-z0-9_-]+(/[a-z0-9_-]+)*$`, name)
}

# METADATA
# title: The acting user holds a letter in an area
# description: What the groups give, within the ceilings of the accounts and of policy.
permits(area, letter) if {
	letter in row(input.subject.access, area)
	within_ceiling(area, letter)
}

# METADATA
# title: An access map gives a letter in an area
# description: An empty row denies, and hides the rows above it.
granted(access, area, letter) if letter in row(access, area)

# The row that decides about an area: the one with the longest key that applies.
row(access, area) := rows[count(rows) - 1] if {
	rows := [access[key] | some key in keys(area)]
}

# The keys whose rows apply to an area, from the default access to the area itself. A
# path with an empty step, "." or ".." inherits nothing.
keys(area) := [area] if {
	regex.match(`(^|/)\.{0,2}/|/\.{0,2}$`, area)
} else := array.concat(["*"], paths) if {
	steps := split(area, "/")
	paths := [concat("/", array.slice(steps, 0, depth)) | some depth in numbers.range(1, count(steps))]
}

# METADATA
# title: Policy lets the acting user's kind of account have a letter in an area
# description: Masters have no ceiling of their own; without limits a reseller has nothing.
# scope: document
within_ceiling(_, _) if subject.is_master

within_ceiling(area, letter) if {
	subject.is_reseller
	letter in row(data.limits.reseller_ceiling, area)
	open_to_resellers(area)
}

# Carriers of earlier releases let their resellers into every area of the panel that no
# ceiling names. For all others, policy data names the areas.
open_to_resellers(_) if not input.subject.account.listed_areas

open_to_resellers(area) if {
	some name in keys(area)
	name in listed
}

listed contains area if some area in data.limits.reseller_areas

listed contains area if {
	some area, _ in data.limits.reseller_ceiling
	area != "*"
}

listed contains area if some area, _ in data.catalog.area
