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
	granted(input.subject.access, area, letter)
	within_ceiling(area, letter)
}

# METADATA
# title: An access map gives a letter in an area
# description: An empty row denies, and hides the rows above it.
# scope: document
granted(access, area, letter) if letter in access[area]

granted(access, area, letter) if {
	not access[area]
	not contains(area, "/")
	letter in access["*"]
}

granted(access, area, letter) if {
	not access[area]
	contains(area, "/")
	letter in inherited(access, area)
}

# The access to the nearest ancestor with an entry, or else the default access. A path
# with an empty step, "." or ".." inherits nothing.
inherited(access, area) := above[count(above) - 1] if {
	steps := split(area, "/")
	count({step | some step in steps} & {"", ".", ".."}) == 0
	rows := [access[concat("/", array.slice(steps, 0, depth))] |
		some depth in numbers.range(1, count(steps) - 1)
	]
	above := array.concat([object.get(access, "*", [])], rows)
}

# METADATA
# title: Policy lets the acting user's kind of account have a letter in an area
# description: Masters have no ceiling of their own; without limits a reseller has nothing.
# scope: document
within_ceiling(_, _) if subject.is_master

within_ceiling(area, letter) if {
	subject.is_reseller
	granted(data.limits.reseller_ceiling, area, letter)
}
