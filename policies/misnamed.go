package policies

// reasonMisnamed is the reason to deny a name outside the grammar of areas and
// types. The embedded tree gives the same reason.
const reasonMisnamed = "unknown_area"

func deniedMisnamed() Decision {
	return Decision{Outcome: OutcomeDeny, Reasons: []string{reasonMisnamed}}
}
