package policies

// reasonMisnamed is the reason for denying an area or type whose name breaks
// the grammar. The embedded tree gives the same reason.
const reasonMisnamed = "unknown_area"

func deniedMisnamed() Decision {
	return Decision{Outcome: OutcomeDeny, Reasons: []string{reasonMisnamed}}
}
